from __future__ import annotations

import pytest

from vitaccel.reference.rsqrt import Rsqrt
from vitaccel_sim.traffic.rsqrt import SPEC, ends_of_intervals, turned, witnesses


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
