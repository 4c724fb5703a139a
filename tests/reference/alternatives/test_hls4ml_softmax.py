"""hls4ml's stable softmax against real-valued tables, and where its accumulator saturates."""

from __future__ import annotations

from math import exp, floor

import numpy as np
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.reference.alternatives.hls4ml_softmax import Hls4mlSoftmax

SPEC = Hls4mlSoftmax()


def one_row(logits: list[float]) -> list[float]:
    """The steps in real numbers, each a multiple of 1/1024."""
    quarters = [min(floor(4 * (max(logits) - x)), 511) for x in logits]
    e = [round(exp(-q / 4) * 1024) / 1024 for q in quarters]
    total = min(sum(e), 128 - 1 / 1024)
    inverse = round(1024 / (floor(4 * total) / 4)) / 1024
    return [floor(value * inverse * 1024) / 1024 for value in e]


def test_it_is_two_tables_and_a_product(int8_rows: NDArray[np.int64]) -> None:
    for step in (16, 40, 256):
        x = int8_rows * step
        got = without_float(SPEC.compute, torch.from_numpy(x)).numpy() * SPEC.output_scale
        assert got.tolist() == [one_row([value / 1024 for value in row]) for row in x.tolist()]


def test_extremes() -> None:
    assert SPEC.compute(torch.tensor([[-32768, 32767], [32767, 32767]])).tolist() == [[0, 1024], [512, 512]]
    # 577 equal logits: the sum saturates just under 128, so that the row sums to 4.5.
    p = SPEC.compute(torch.zeros(1, 577, dtype=torch.int64)) * SPEC.output_scale
    assert float(p.sum()) == 577 * 8 / 1024
