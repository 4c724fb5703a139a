"""The promises hold on few rows in every run, on all rows in the long one; and each can be broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitaccel.reference.certificate.numerics import Numerics, measure_numerics
from vitaccel.reference.certificate.promises import PROMISES, Kept, check_promises


@pytest.fixture(scope="module")
def numerics() -> Numerics:
    return measure_numerics(rows=40)


def broken(numerics: Numerics) -> list[str]:
    return [kept.promise.name for kept in check_promises(numerics) if not kept.holds]


def test_every_promise_holds_on_few_rows(numerics: Numerics) -> None:
    kept = check_promises(numerics)
    assert [one.promise for one in kept] == list(PROMISES)
    assert broken(numerics) == []


@pytest.mark.full
def test_every_promise_holds_on_all_rows() -> None:
    assert broken(measure_numerics()) == []


def test_a_limit_may_be_reached_but_not_passed() -> None:
    promise = replace(PROMISES[0], limit=1.0)
    assert Kept(promise, 1.0).holds
    assert not Kept(promise, 1.0000001).holds


def test_what_was_not_measured_promises_nothing(numerics: Numerics) -> None:
    assert check_promises(Numerics()) == ()
    assert [k.promise.unit for k in check_promises(Numerics(gelu=numerics.gelu))] == ["LSB", "LSB", "rows"]


def test_a_worse_softmax_breaks_its_promise(numerics: Numerics) -> None:
    (tables,) = numerics.softmax
    for bits, fraction, error, name in ((16, 8, 0.0021, "q7.8"), (12, 6, 0.0036, "q9.6"), (8, 6, 0.0241, "8-bit")):
        rows = tuple(
            replace(row, errors=replace(row.errors, worst_pv=error))
            if (row.output_bits, row.fraction_bits) == (bits, fraction)
            else row
            for row in tables.total_path
        )
        worse = replace(numerics, softmax=(replace(tables, total_path=rows),))
        assert [name in promise for promise in broken(worse)] == [True]


def test_a_published_method_that_wins_breaks_the_last_promise(numerics: Numerics) -> None:
    (tables,) = numerics.softmax
    for bits, found in ((8, 1), (22, 0)):
        rows = tuple(
            replace(row, errors=replace(row.errors, worst_pv=0.0, mean_pv=0.0))
            if row.kind == "published" and row.output_bits == bits and not row.method.startswith(("I", "FQ", "Soft"))
            else row
            for row in tables.same_logits
        )
        worse = replace(numerics, softmax=(replace(tables, same_logits=rows),))
        assert [k.worst for k in check_promises(worse) if k.promise.unit == "rows"] == [found]


def test_a_worse_gelu_and_layernorm_break_theirs(numerics: Numerics) -> None:
    gelu = tuple(replace(row, max_lsb=row.max_lsb + 1) if row.kind == "ours" else row for row in numerics.gelu)
    assert len(broken(Numerics(gelu=gelu))) == 3  # two bounds, and Edge-MoE's rows are lost
    norm = tuple(replace(row, rmse=2.1e-5) if row.kind == "ours" else row for row in numerics.layernorm)
    assert broken(Numerics(layernorm=norm)) == ["RMSE of LayerNorm"]
