# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Softmax of whole rows is the spec's: numerators, reciprocals, under stalls, at full speed, after a reset."""

from __future__ import annotations

import random

import pytest

from tests.rtl.stream_bench import PROFILES, Profile, refuses, run, run_after_reset
from vitaccel.backends.rtl.catalog import block
from vitaccel_rtl.softmax_rows import Softmax
from vitaccel_sim.traffic.softmax_rows import rows_case

LENGTHS = (1, 1, 3, 4, 1, 20, 2)


def options(**changed: int) -> dict[str, int]:
    return {"lanes": 3, "fraction_bits": 6, "bits": 8, "keys": 20, **changed}


@pytest.mark.parametrize("changed", [{}, {"fraction_bits": 8, "bits": 12}, {"lanes": 1, "bits": 16}], ids=str)
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_rows_under_every_profile(profile: Profile, changed: dict[str, int], seed: int) -> None:
    case = rows_case(options(**changed), random.Random(seed), LENGTHS)
    component = block("softmax").component(**options(**changed))
    result = run(component, case.words, len(case.expected), profile, seed)
    assert result.words == case.expected


@pytest.mark.parametrize("keys", [1, 2, 7, 20])
def test_rows_follow_each_other_without_a_gap(keys: int, seed: int) -> None:
    case = rows_case(options(), random.Random(seed), (keys,) * 12)
    component = block("softmax").component(**options())
    result = run(component, case.words, len(case.expected))
    assert result.accepted == list(range(12 * keys))
    first = keys - 1 + component.latency_cycles
    assert result.offered == list(range(first, first + 12 * keys))


def test_a_row_as_long_as_the_queue_leaves_under_back_pressure(seed: int) -> None:
    case = rows_case(options(keys=33), random.Random(seed), (33, 33, 33))
    component = block("softmax").component(**options(keys=33))
    assert run(component, case.words, 99, Profile("stalls", stall=0.9), seed).words == case.expected


def test_a_reset_forgets_rows_and_what_waits_of_them(seed: int) -> None:
    rng = random.Random(seed)
    forgotten, case = rows_case(options(), rng, (4, 5, 9)), rows_case(options(), rng, (3, 6))
    component = block("softmax").component(**options())
    assert run_after_reset(component, forgotten.words[:16], case.words, 9).words == case.expected


def test_a_maximum_of_another_row_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = rows_case(options(), random.Random(seed), (5, 6, 7))

    def join(self: Softmax, m: object, row: object, maximum: object, numerators: object) -> None:
        original(self, m, row, maximum, numerators)
        m.d.comb += maximum.ready.eq(numerators.ready & row.valid)  # type: ignore[attr-defined]

    original = Softmax._join_maximum
    monkeypatch.setattr(Softmax, "_join_maximum", join)
    component = block("softmax").component(**options())
    with pytest.raises(AssertionError):
        assert run(component, case.words, 18).words == case.expected


def test_parameters_out_of_range_are_refused() -> None:
    wanted = {"lanes": 1, "fraction_bits": 6, "powers": (), "table": (), "entry_bits": 9, "centre": 0}
    refuses("keys of a softmax must be an integer from 1 to 4096, not 0", Softmax, **wanted, keys=0)
    refuses("mantissas of powers must be 64, one for each fraction, not 1", Softmax, **{**wanted, "powers": (1,)})
