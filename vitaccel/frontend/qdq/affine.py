"""The parameters of one QuantizeLinear or DequantizeLinear, checked, and the symmetric integers that replace them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

RANGES: dict[int, tuple[int, int]] = {
    TensorProto.INT4: (-8, 7),
    TensorProto.UINT4: (0, 15),
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT8: (0, 255),
    TensorProto.INT16: (-(2**15), 2**15 - 1),
    TensorProto.UINT16: (0, 2**16 - 1),
    TensorProto.INT32: (-(2**31), 2**31 - 1),
}
"""Element types a quantized tensor may have, and their numbers."""

WIDTHS: dict[int, int] = {TensorProto.INT16: 16, TensorProto.UINT16: 16, TensorProto.INT32: 32}
"""Bits of the wide types; all others fit 8."""


@dataclass(frozen=True)
class Affine:
    """How integers stand for real numbers: ``real = (integer - zero) * scale``.

    Parameters
    ----------
    scale
        float32, positive: one number, or one for each channel.
    zero
        int64, as many numbers.
    axis
        The channels' axis, non-negative; 0 with one number.
    onnx_type
        One of :data:`RANGES`.
    low, high
        Integers that occur: those of the type, or of a Clip behind QuantizeLinear.
    """

    scale: np.ndarray
    zero: np.ndarray
    axis: int
    onnx_type: int
    low: int
    high: int

    @property
    def per_channel(self) -> bool:
        """Whether there is a scale for each channel."""
        return self.scale.size > 1

    def spread(self, values: np.ndarray, rank: int) -> np.ndarray:
        """Numbers of all channels in a shape that broadcasts to a tensor of that rank."""
        if not self.per_channel:
            return values.reshape((1,) * rank)
        return values.reshape([-1 if at == self.axis else 1 for at in range(rank)])

    def means_the_same(self, other: Affine) -> bool:
        """Whether another node has the same scales, zero points and type."""
        return (
            self.onnx_type == other.onnx_type
            and self.axis == other.axis
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero, other.zero)
        )


@dataclass(frozen=True)
class Symmetric:
    """Signed integers without a zero point.

    Parameters
    ----------
    scale
        float32, one number or one for each channel.
    bits
        4, 8, 16 or 32: the narrowest width that holds the integers.
    exact
        Whether the numbers represented are still the same; else the integers are others, of the same range.
    """

    scale: np.ndarray
    bits: int
    exact: bool


def symmetric(affine: Affine, low: np.ndarray, high: np.ndarray) -> Symmetric:
    """The symmetric quantization that covers a range.

    Parameters
    ----------
    affine
        The quantization as written; 8 bits (or 4) become 8, 16 become 16.
    low, high
        Least and greatest ``integer - zero`` of each channel, at most 0 and at least 0.

    Returns
    -------
    Symmetric
        With the scale as it is when ``integer - zero`` is a signed integer of that width already; else with
        ``scale * max(high / 127, -low / 128)``, or the like with 16 bits.
    """
    width = WIDTHS.get(affine.onnx_type, 8)
    for bits in (4, 8, 16, 32):
        if bits <= width and low.min() >= -(2 ** (bits - 1)) and high.max() < 2 ** (bits - 1):
            return Symmetric(affine.scale, bits, exact=True)
    half = 2 ** (width - 1)
    stretch = np.maximum(high / (half - 1), -low / half)
    return Symmetric((affine.scale * np.maximum(stretch, 1)).astype(np.float32), width, exact=False)
