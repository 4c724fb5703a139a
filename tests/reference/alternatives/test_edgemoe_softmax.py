"""Edge-MoE's softmax against an element-by-element transcription, its accuracy, and the sum that wraps around."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.reference.alternatives.edgemoe_exp import EdgeMoeExp
from vitaccel.reference.alternatives.edgemoe_softmax import EdgeMoeSoftmax

ONE = 1 << 22
SPEC = EdgeMoeSoftmax()


def one_row(x: Sequence[int]) -> list[int]:
    """The published loop on one row."""

    def exponential(d: int) -> int:
        return int(EdgeMoeExp().compute(torch.tensor([-d])))

    bias, total = x[0], ONE
    for value in x[1:]:
        d = bias - value
        if d < 0:
            total, bias = (total * exponential(d) >> 22) + ONE, value
        else:
            total += exponential(-d)
    assert total < 512 * ONE
    reciprocal = 2**44 // total
    return [exponential(value - bias) * reciprocal >> 22 for value in x]


def test_it_is_the_published_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.normal(0, 3, (3, 9)) * ONE).astype(np.int64)
    x[2] = np.sort(x[2])
    got = without_float(SPEC.compute, torch.from_numpy(x))
    assert got.tolist() == [one_row(row.tolist()) for row in x]


def test_it_is_near_softmax(int8_rows: NDArray[np.int64]) -> None:
    x = torch.from_numpy(int8_rows) * round(0.1 * ONE)
    got = SPEC.compute(x).numpy() * SPEC.output_scale
    true = torch.softmax(x.double() / ONE, -1).numpy()
    assert np.abs(got - true).max() < 4e-5


def test_extremes() -> None:
    lowest, highest = -(2**31), 2**31 - 1
    assert SPEC.compute(torch.tensor([[highest, lowest], [lowest, highest]])).tolist() == [[ONE, 0], [0, ONE]]
    assert SPEC.compute(torch.tensor([[5]])).tolist() == [[ONE]]
    rows = SPEC.compute(torch.zeros(1, 511, dtype=torch.int64)) * SPEC.output_scale
    assert abs(float(rows.sum()) - 1) < 2e-4


def test_512_equal_logits_overflow_the_sum() -> None:
    """ap_fixed<32,10> ends below 512: the sum becomes -512, and so do the probabilities."""
    p = SPEC.compute(torch.zeros(1, 512, dtype=torch.int64))
    assert int(p.max()) < 0
    assert SPEC.compute(torch.zeros(1, 1024, dtype=torch.int64)).tolist() == [[0] * 1024]
