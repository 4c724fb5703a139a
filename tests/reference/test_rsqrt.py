"""The reciprocal square root: its table, its exponent, extremes, integers only."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.rsqrt import Rsqrt


def test_every_entry_is_the_one_of_smallest_error() -> None:
    table = Rsqrt().table
    assert len(table) == 256
    assert list(table) == sorted(table, reverse=True)
    for i, entry in enumerate(table):
        ends = [Fraction(128 + i % 128 + end, 128) * 2 ** (i // 128) for end in (0, 1)]
        errors = {y: max(abs(1 - x * Fraction(y, 2048) ** 2) for x in ends) for y in range(1024, 2048)}
        assert min(errors, key=errors.__getitem__) == entry
        assert sum(error == errors[entry] for error in errors.values()) == 1


def test_the_centre_halves_the_largest_error_of_a_step() -> None:
    spec = Rsqrt()
    ends = [(128 + i % 128 + end) / 128 * 2 ** (i // 128) for i in range(256) for end in (0, 1)]
    lacks = [1 - (y := spec.table[i // 2] / 2048) * (3 - x * y * y) / 2 * sqrt(x) for i, x in enumerate(ends)]
    # The step is times y0 / 2 and y0 * sqrt(x) is about 1, so a centre of c is worth c / 2.
    assert spec.centre / 2**39 / 2 == pytest.approx(max(lacks) / 2, rel=0.01)


@pytest.mark.parametrize("k", range(63))
def test_the_exponent_is_half_the_place_of_the_highest_bit(k: int) -> None:
    variance = torch.tensor([1 << k, (1 << k) + (1 << k >> 1), (1 << k + 1) - 1])
    r, e = without_float(Rsqrt().compute, variance)
    assert e.tolist() == [k // 2] * 3
    assert all(1 << 17 <= m < 1 << 18 for m in r.tolist())
    root = r.numpy() / 2.0 ** (18 + e.numpy())
    assert np.allclose(root, 1 / np.sqrt(variance.numpy().astype(np.float64)), rtol=1.1e-5, atol=0)


def test_one_is_the_largest_mantissa() -> None:
    assert [x.item() for x in Rsqrt().compute(torch.tensor(1))] == [(1 << 18) - 1, 0]


def test_all_that_is_below_the_mantissa_is_cut() -> None:
    base = 0x2ABCD << 40
    assert len(set(Rsqrt().compute(base + torch.tensor([0, 1, (1 << 40) - 1]))[0].tolist())) == 1


def test_nothing_has_no_root() -> None:
    r, e = Rsqrt().compute(torch.zeros((0, 3), dtype=torch.int64))
    assert r.shape == e.shape == (0, 3)


@pytest.mark.parametrize("variance", [0, -1, -(2**63)])
def test_a_variance_below_one_is_refused(variance: int) -> None:
    with pytest.raises(NumericsError, match=f"a reciprocal square root must be 1 or more, not {variance}"):
        Rsqrt().compute(torch.tensor([5, variance]))


@pytest.mark.parametrize(
    ("name", "value"), [("index_bits", 3), ("index_bits", 11), ("entry_bits", 6), ("entry_bits", 15)]
)
def test_impossible_tables_are_refused(name: str, value: int) -> None:
    with pytest.raises(NumericsError, match=f"{name} of a reciprocal square root must be .*, not {value}"):
        Rsqrt(**{name: value})


@pytest.mark.parametrize(("index_bits", "entry_bits"), [(4, 7), (5, 7), (8, 12), (10, 14), (10, 7)])
def test_every_table_keeps_to_18_bits(index_bits: int, entry_bits: int) -> None:
    variance = torch.arange(1 << 17, 1 << 19)
    mantissa, _ = Rsqrt(index_bits, entry_bits).compute(variance)
    assert mantissa.max() < 1 << 18
    assert mantissa.min() >= 1 << 17
