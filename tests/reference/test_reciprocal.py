"""The reciprocal against its definition in Python integers, and its widths for every table that is offered."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.errors import NumericsError
from vitaccel.reference.reciprocal import Reciprocal

OFFERED = [Reciprocal(i, e) for i in range(4, 8) for e in range(7, 13)]


def defined(spec: Reciprocal, total: int) -> tuple[int, int]:
    """Step by step as the module's docstring says, and every width checked."""
    k = total.bit_length() - 1
    x = total >> k - 16 if k > 16 else total << 16 - k
    assert x.bit_length() == 17
    r0 = spec.table[(x - 2**16) >> 16 - spec.index_bits]
    assert r0.bit_length() == spec.entry_bits
    cut = (x * r0) >> spec.entry_bits - 1
    t = 2**18 + spec.centre - cut
    assert t.bit_length() <= 18
    r = (r0 * t + (1 << spec.entry_bits - 1)) >> spec.entry_bits
    assert r.bit_length() <= 17
    return r, k


@pytest.mark.parametrize("spec", OFFERED)
def test_every_offered_table_follows_the_definition(spec: Reciprocal, seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = [t + d for k in range(1, 32) for t in (1 << k,) for d in (-1, 0, 1)]
    table = [(2**spec.index_bits + i << 20) + d for i in range(2**spec.index_bits) for d in (-1, 0)]
    totals = [1, 2**32 - 1, *edges, *(t for t in table if t < 2**32), *(int(2**u) for u in rng.uniform(0, 32, 500))]
    r, k = spec.compute(torch.tensor(totals))
    assert list(zip(r.tolist(), k.tolist(), strict=True)) == [defined(spec, t) for t in totals]


@pytest.mark.parametrize("spec", OFFERED)
def test_no_mantissa_is_wider_than_17_bits(spec: Reciprocal) -> None:
    r, k = spec.compute(torch.arange(2**16, 2**17))
    assert (k == 16).all()
    assert int(r.min()) > 2**15
    assert int(r.max()) < 2**17


@pytest.mark.parametrize("spec", OFFERED)
def test_no_other_entry_is_nearer_over_its_interval(spec: Reciprocal) -> None:
    for i, entry in enumerate(spec.table):
        low = 2**spec.index_bits + i

        def worst(r: int, low: int = low) -> int:
            unit = 2 ** (spec.index_bits + spec.entry_bits)
            return max(abs(unit - low * r), abs(unit - (low + 1) * r))

        assert worst(entry) <= min(worst(entry - 1), worst(entry + 1))


def test_the_default_is_64_entries_of_9_bits() -> None:
    spec = Reciprocal()
    assert len(spec.table) == 64
    assert spec.table[:3] == (508, 500, 493)
    assert spec.centre == 3


def test_a_constant_off_2_is_better_than_2() -> None:
    """What ``centre`` is for: without it the same table errs as far as numerics usually reports, about 9e-5."""

    def worst(spec: Reciprocal) -> float:
        total = torch.arange(2**16, 2**17)
        r, k = spec.compute(total)
        return float((r * total / 2.0 ** (17 + k) - 1).abs().max())

    plain = Reciprocal()
    plain.__dict__["centre"] = 0
    assert worst(plain) > 7e-5
    assert worst(Reciprocal()) < 5e-5


@pytest.mark.parametrize("total", [0, -1, 2**32])
def test_sums_out_of_range_are_refused(total: int) -> None:
    with pytest.raises(NumericsError, match=f"the sum of a softmax must be 1 to 4294967295, not {total}"):
        Reciprocal().compute(torch.tensor([5, total, 7]))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((3, 9), "index_bits of a reciprocal must be 4 to 7, not 3"),
        ((8, 9), "index_bits of a reciprocal must be 4 to 7, not 8"),
        ((6, 6), "entry_bits of a reciprocal must be 7 to 12, not 6"),
        ((6, 13), "entry_bits of a reciprocal must be 7 to 12, not 13"),
    ],
)
def test_tables_that_are_not_offered_are_refused(fields: tuple[int, int], sentence: str) -> None:
    with pytest.raises(NumericsError) as error:
        Reciprocal(*fields)
    assert str(error.value) == sentence
