from __future__ import annotations

import pytest
import torch

from vitaccel.reference.rsqrt import Rsqrt
from vitaccel_sim.traffic.rsqrt import SPEC, ends_of_intervals, moved, turned, whole_steps, witnesses


def entry_of(spec: Rsqrt, variance: int) -> int:
    """Return the place in the table that a variance reads."""
    place = variance.bit_length() - 1
    return (place % 2 << spec.index_bits) + (variance << spec.index_bits >> place) - (1 << spec.index_bits)


@pytest.mark.parametrize("bits", [43, 63])
def test_every_entry_has_a_witness_of_at_most_so_many_bits(bits: int) -> None:
    found = witnesses(SPEC, bits)
    assert {entry_of(SPEC, variance) for variance in found} == set(range(len(SPEC.table)))
    assert max(found).bit_length() <= bits


@pytest.mark.parametrize("bits", [43, 63])
def test_ends_of_intervals_read_every_entry(bits: int) -> None:
    found = ends_of_intervals(SPEC, bits)[: len(SPEC.table)]
    assert {entry_of(SPEC, variance) for variance in found} == set(range(len(SPEC.table)))


def test_a_turned_table_leaves_the_spec_as_it_is() -> None:
    before = SPEC.table
    assert all(a ^ b == 1 for a, b in zip(turned(SPEC).table, before, strict=True))
    assert SPEC.table == before


@pytest.mark.parametrize("bits", [43, 63])
@pytest.mark.parametrize("place", range(0, 18, 3))
def test_a_low_bit_that_a_product_has_too_much_shows_in_a_whole_step(place: int, bits: int) -> None:
    found = torch.tensor(whole_steps(SPEC, bits))
    root, other = (spec.compute(found)[0] for spec in (SPEC, moved(SPEC, -(1 << place))))
    assert (root != other).all()
    assert int(found.max()).bit_length() <= bits


def test_hardly_any_other_variance_shows_it() -> None:
    found = torch.tensor(witnesses(SPEC))
    assert int((SPEC.compute(found)[0] != moved(SPEC, -(1 << 9)).compute(found)[0]).sum()) < 3
