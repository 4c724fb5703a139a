from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from vitaccel.frontend.qdq.affine import RANGES, Affine, symmetric


def affine(onnx_type: int, zero: int = 0) -> Affine:
    low, high = RANGES[onnx_type]
    return Affine(np.array([0.5], np.float32), np.array([zero]), 0, onnx_type, low, high)


@pytest.mark.parametrize(
    ("onnx_type", "zero", "bits"),
    [(TensorProto.INT4, 0, 4), (TensorProto.UINT4, 8, 4), (TensorProto.UINT4, 0, 8), (TensorProto.INT8, 0, 8),
     (TensorProto.UINT8, 128, 8), (TensorProto.INT16, 0, 16), (TensorProto.UINT16, 32768, 16),
     (TensorProto.INT32, 0, 32)],
)  # fmt: skip
def test_what_is_symmetric_stays(onnx_type: int, zero: int, bits: int) -> None:
    given = affine(onnx_type, zero)
    found = symmetric(given, given.low - given.zero, given.high - given.zero)
    assert (found.bits, found.exact, found.scale.tolist()) == (bits, True, [0.5])


@pytest.mark.parametrize(
    ("onnx_type", "zero"),
    [(TensorProto.UINT8, 0), (TensorProto.UINT8, 90), (TensorProto.INT8, -128), (TensorProto.INT8, 100),
     (TensorProto.UINT16, 7)],
)  # fmt: skip
def test_what_is_not_covers_the_same_range(onnx_type: int, zero: int) -> None:
    given = affine(onnx_type, zero)
    low, high = given.low - given.zero, given.high - given.zero
    found = symmetric(given, low, high)
    half = 2 ** (found.bits - 1)
    assert not found.exact
    step = float(found.scale[0])
    assert -half * step <= low[0] * 0.5 * (1 - 1e-6)
    assert (half - 1) * step >= high[0] * 0.5 * (1 - 1e-6)
    # and no more than that
    assert (
        min(abs(half * step / (0.5 * low[0])) if low[0] else 9, (half - 1) * step / (0.5 * max(high[0], 1e-9))) < 1.001
    )


def test_channels_spread_along_their_axis() -> None:
    given = Affine(np.ones(3, np.float32), np.zeros(3, np.int64), 1, TensorProto.INT8, -128, 127)
    assert given.spread(given.scale, 3).shape == (1, 3, 1)
    assert affine(TensorProto.INT8).spread(np.ones(1), 2).shape == (1, 1)
    assert not given.means_the_same(affine(TensorProto.INT8))
