"""ShiftGELU against a transcription into floats, and how it depends on the row's maximum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ivit_gelu import IVitGelu


def exponential(x: NDArray[np.float64], scale: float, n: int) -> NDArray[np.float64]:
    x = x + np.floor(x / 2) - np.floor(x / 16)
    x0 = np.floor(-1 / scale)
    x = np.maximum(x, n * x0)
    k = np.floor(x / x0)
    return np.asarray(np.floor(((x - x0 * k) / 2 - x0) * 2.0 ** (n - k)))


def published(q: NDArray[np.int64], scale: float, bits: int, n: int) -> NDArray[np.float64]:
    """The published steps in float64, which holds their integers exactly."""
    x, largest = q.astype(np.float64), q.max(-1, keepdims=True).astype(np.float64)
    e = exponential(x - largest, scale * 1.702, n)
    total = np.minimum(e + exponential(-largest, scale * 1.702, n), 2.0**31 - 1)
    sigmoid = np.floor(e * np.floor((2.0**31 - 1) / total) / 2.0 ** (32 - bits))
    return np.asarray(x * sigmoid)


@pytest.mark.parametrize(("scale", "bits", "n"), [(8 / 127, 8, 23), (0.02, 8, 23), (2.0**-10, 16, 15)])
def test_it_is_the_published_formula(int8_rows: NDArray[np.int64], scale: float, bits: int, n: int) -> None:
    got = without_float(IVitGelu(scale, bits, n).compute, torch.from_numpy(int8_rows))
    np.testing.assert_array_equal(got.numpy(), published(int8_rows, scale, bits, n))


def test_a_value_depends_on_the_maximum_of_its_row() -> None:
    spec = IVitGelu(8 / 127)
    alone, beside = spec.compute(torch.tensor([[10]])), spec.compute(torch.tensor([[10, 127]]))
    assert int(alone[0, 0]) != int(beside[0, 0])


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="the sigmoid of ShiftGELU must be 2 to 16 bits wide, not 17"):
        IVitGelu(1.0, 17)
    with pytest.raises(NumericsError, match="octaves of the shift exponential"):
        IVitGelu(1.0, 8, 31)
