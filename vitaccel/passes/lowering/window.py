"""Which rows of an image convolutions, poolings and interpolations see."""

from __future__ import annotations

from vitaccel.ir.plan import ceil_div
from vitaccel.ir.rows import Window
from vitaccel.ir.types import TensorType


def convolution_window(
    before: TensorType,
    after: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Window | None:
    """The window of a convolution or pooling of [B, C, H, W]; nothing when every output pixel is from its own input."""
    height, width = before.static_shape[2:]
    if tuple(kernel) == (1, 1) and stride == (1, 1) and padding == (0, 0, 0, 0):
        return None
    return Window(
        height=height,
        width=width,
        out_width=after.static_shape[3],
        size=dilation[0] * (kernel[0] - 1) + 1,
        before=padding[0],
        numerator=stride[0],
    )


def interpolation_window(before: TensorType, after: TensorType) -> Window:
    """A window that holds the support of an interpolation of [B, C, H, W], antialiased or not.

    Output row y lies at ``(y + 1/2) s - 1/2`` with s input rows an output row, or within one row of ``y s`` in the
    other conventions; its support reaches 1 row (s when that is more) to both sides.
    """
    height, width = before.static_shape[2:]
    tall, wide = after.static_shape[2:]
    reach = ceil_div(height, tall)
    above = 1 if height <= tall else reach + 1
    below = 1 if height <= tall else 2 * reach + 1
    return Window(
        height=height,
        width=width,
        out_width=wide,
        size=above + below + 1,
        before=above,
        numerator=height,
        denominator=tall,
    )
