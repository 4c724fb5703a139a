"""The residual addition: int16 streams of one scale, one addition, one saturation, nothing rounded."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64, saturate


@dataclass(frozen=True)
class ResidualAdd:
    """``saturate(update + residual)``.

    A matmul's drain adds the residual to its update before that is saturated
    (:meth:`vitaccel.reference.requantize.ChannelRequantize.compute`); here both come from memory, or the update from a
    rounding that is not saturated yet.

    Parameters
    ----------
    bits
        Width of the stream, 8 to 32.

    Raises
    ------
    NumericsError
        If the width is out of range.
    """

    bits: int = 16

    def __post_init__(self) -> None:
        if not 8 <= self.bits <= 32:
            raise NumericsError(f"a residual stream must have 8 to 32 bits, not {self.bits}")

    def compute(self, update: Tensor, residual: Tensor) -> Tensor:
        """Return the sum.

        Parameters
        ----------
        update
            Integers, 48 bits at most, of the scale of the stream.
        residual
            Codes of *bits* bits, of the shape of *update*.

        Returns
        -------
        Tensor
            int64 codes of *bits* bits.

        Raises
        ------
        NumericsError
            If the shapes differ.
        """
        if update.shape != residual.shape:
            raise NumericsError(f"a residual must have the shape {list(update.shape)}, not {list(residual.shape)}")
        return saturate(as_int64(update) + as_int64(residual), self.bits)
