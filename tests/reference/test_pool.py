"""Pooling: padding, every count, extremes, ties, agreement with the float graph, integers only."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.pool import AveragePool, MaxPool
from vitaccel.reference.requantize import Requantize


def windows(x: torch.Tensor) -> torch.Tensor:
    """Taps [H, W, 9] of a 3 x 3 window with a border of 1 around x[H, W], 0 outside."""
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    return padded.unfold(0, 3, 1).unfold(1, 3, 1).flatten(2)


def test_the_largest_tap_leaves_padding_out(seed: int) -> None:
    x = torch.from_numpy(np.random.default_rng(seed).integers(-32768, 0, (5, 7)))
    inside = windows(torch.ones_like(x)) == 1
    expected = torch.nn.functional.max_pool2d(x[None].double(), 3, 1, 1)[0].long()
    assert torch.equal(without_float(MaxPool().compute, windows(x), inside), expected)
    assert MaxPool().compute(windows(x)).max() == 0, "padding counts when nothing says that it does not"


def test_a_window_of_padding_is_the_smallest_code() -> None:
    taps, outside = torch.zeros((2, 3), dtype=torch.int16), torch.zeros((2, 3), dtype=torch.bool)
    assert MaxPool().compute(taps, outside).tolist() == [-32768, -32768]
    assert MaxPool(8).compute(taps, outside).tolist() == [-128, -128]


def test_a_mean_divides_by_the_taps_that_count(seed: int) -> None:
    x = torch.from_numpy(np.random.default_rng(seed).integers(-32768, 32768, (5, 7)))
    counts = windows(torch.ones_like(x)).sum(-1)
    assert set(counts.flatten().tolist()) == {4, 6, 9}
    pool = AveragePool.from_scale((9, 4, 6, 4), 1.0, 1.0)
    got = without_float(pool.compute, windows(x), counts)
    mean = torch.nn.functional.avg_pool2d(x[None].double(), 3, 1, 1, count_include_pad=False)[0]
    assert (got - mean).abs().max() < 0.5 + 0.25
    nine = pool.compute(windows(x))
    assert (nine - torch.nn.functional.avg_pool2d(x[None].double(), 3, 1, 1)[0]).abs().max() < 0.5 + 0.25


@pytest.mark.parametrize("count", [1, 2, 3, 7, 9, 49, 197, 65535])
def test_a_mean_is_its_fraction_rounded_once_and_extremes_are_kept(count: int) -> None:
    pool = AveragePool.from_scale([count], 1.0, 1.0)
    for code in (-32768, -1, 0, 1, 32767):
        assert pool.compute(torch.full((count,), code, dtype=torch.int16)).item() == code
    taps = torch.arange(count) % 101 - 37
    expected = math.floor(int(taps.sum()) * pool.factors[0].real + Fraction(1, 2))
    assert pool.compute(taps).item() == expected


def test_halves_go_up_and_a_finer_output_saturates() -> None:
    taps = torch.tensor([[1, 2], [-1, -2], [100, 101], [-200, -300]])
    assert AveragePool.from_scale([2], 1.0, 1.0).compute(taps).tolist() == [2, -1, 101, -250]
    assert AveragePool.from_scale([2], 1.0, 0.5, 8).compute(taps).tolist() == [3, -3, 127, -128]


def test_no_windows_no_values() -> None:
    nothing = torch.zeros((0, 4), dtype=torch.int16)
    assert MaxPool().compute(nothing).shape == AveragePool.from_scale([4], 1.0, 1.0).compute(nothing).shape == (0,)


def test_a_count_without_a_factor_is_refused() -> None:
    pool = AveragePool.from_scale([4, 6], 1.0, 1.0)
    for count in (3, 5, 7):
        with pytest.raises(NumericsError, match=rf"must have one of \(4, 6\) taps, not {count}"):
            pool.compute(torch.zeros((2, 9), dtype=torch.int16), torch.tensor([4, count]))
    with pytest.raises(NumericsError, match=r"must have one of \(4, 6\) taps, not 9"):
        pool.compute(torch.zeros((2, 9), dtype=torch.int16))


def test_impossible_pools_are_refused() -> None:
    factor = Requantize.from_scale(0.5, 16)
    with pytest.raises(NumericsError, match="codes of a pooling must have 2 to 32 bits, not 33"):
        MaxPool(33)
    with pytest.raises(NumericsError, match=r"a window must have 1 to 65535 taps, not shape \[3, 0\]"):
        MaxPool().compute(torch.zeros((3, 0), dtype=torch.int16))
    with pytest.raises(NumericsError, match="an average must have a factor for each of its counts, not 2 and 1"):
        AveragePool((1, 2), (factor,))
    with pytest.raises(NumericsError, match=r"must rise from 1 to at most 65535, not \(2, 1\)"):
        AveragePool((2, 1), (factor, factor))
    with pytest.raises(NumericsError, match="factors of an average must have one width of result"):
        AveragePool((1, 2), (factor, Requantize.from_scale(0.5, 8)))
    with pytest.raises(NumericsError, match=r"must rise from 1 to at most 65535, not \(0, 3\)"):
        AveragePool.from_scale([3, 0], 1.0, 1.0)
    with pytest.raises(NumericsError, match=r"must rise from 1 to at most 65535, not \(65536,\)"):
        AveragePool.from_scale([65536], 1.0, 1.0)
    with pytest.raises(NumericsError, match=r"scales of an average must be positive and finite, not 0\.0"):
        AveragePool.from_scale([1], 0.0, 1.0)
