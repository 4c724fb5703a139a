"""Fixed-point numbers: formats, and the two operations that lose information, rounding and saturation.

A tensor of the reference holds *codes*: integers that stand for ``code / 2**fraction``. All arithmetic is on int64, for
which every block documents its widths, and rounding is the same everywhere: half up, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from vitaccel.errors import NumericsError

INTEGER_DTYPES = (torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64)
"""What a tensor of codes may be stored as; arithmetic is on int64."""

LONGEST_SHIFT = 63
"""The largest right shift of a 64-bit register."""


@dataclass(frozen=True)
class Fixed:
    """A fixed-point format: *bits* wide in all, of which *fraction* are behind the binary point.

    Parameters
    ----------
    bits
        Width of a code, sign bit included; 1 to 64 (63 when unsigned, so that a code fits int64).
    fraction
        Bits behind the binary point, -63 to 63; a code is worth ``2**-fraction``. More than *bits* is legal: the format
        then covers less than one unit.
    signed
        Two's complement, or unsigned.

    Raises
    ------
    NumericsError
        If a width is out of its range.
    """

    bits: int
    fraction: int
    signed: bool = True

    def __post_init__(self) -> None:
        most = 64 if self.signed else 63
        if not 1 <= self.bits <= most:
            raise NumericsError(f"bits of a fixed-point format must be 1 to {most}, not {self.bits}")
        if not -63 <= self.fraction <= 63:
            raise NumericsError(f"fraction of a fixed-point format must be -63 to 63, not {self.fraction}")

    @property
    def min(self) -> int:
        """Smallest code."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest code."""
        return (1 << self.bits - self.signed) - 1

    @property
    def step(self) -> Fraction:
        """What one code is worth, exactly."""
        return Fraction(2) ** -self.fraction

    def __str__(self) -> str:
        whole = self.bits - self.fraction - self.signed
        return f"{'' if self.signed else 'u'}q{whole}.{self.fraction}"


def as_int64(x: Tensor) -> Tensor:
    """Return *x* as int64, the type that all arithmetic of the reference is on.

    Raises
    ------
    NumericsError
        If *x* does not hold integers: a float or a bool tensor never enters the reference.
    """
    if x.dtype not in INTEGER_DTYPES:
        raise NumericsError(f"a tensor of codes must hold integers, not {x.dtype}")
    return x.to(torch.int64)


def round_shift(x: Tensor, shift: int | Tensor) -> Tensor:
    """Divide by a power of two and round half up: ``(x + 2**(shift - 1)) >> shift``, or *x* where *shift* is 0.

    Parameters
    ----------
    x
        Integers; ``x + 2**(shift - 1)`` must fit int64, which every ``-2**62 <= x < 2**62`` does.
    shift
        0 to 63: one for all, or a tensor that broadcasts with *x* (one per channel, in the last dimension).

    Returns
    -------
    Tensor
        int64, ``floor(x / 2**shift + 1/2)``.

    Raises
    ------
    NumericsError
        If *x* is no integer tensor or a *shift* is out of range.
    """
    x = as_int64(x)
    if isinstance(shift, int):
        _check_shift(shift, shift)
        return x if shift == 0 else (x + (1 << shift - 1)).bitwise_right_shift_(shift)
    shift = as_int64(shift)
    if shift.numel():
        _check_shift(int(shift.min()), int(shift.max()))
    # 1 << 63 would be negative: the half is 1 << (shift - 1), and nothing where there is no shift.
    half = (torch.ones_like(shift) << (shift - 1).clamp(min=0)) * (shift > 0)
    return (x + half).bitwise_right_shift_(shift)


def saturate(x: Tensor, bits: int, signed: bool = True) -> Tensor:
    """Clamp to the range of a *bits* wide integer.

    Returns
    -------
    Tensor
        int64, in ``[-2**(bits-1), 2**(bits-1) - 1]``, or ``[0, 2**bits - 1]`` when unsigned.

    Raises
    ------
    NumericsError
        If *x* is no integer tensor, or *bits* no width of :class:`Fixed`.
    """
    container = Fixed(bits, 0, signed)
    return as_int64(x).clamp(container.min, container.max)


def _check_shift(smallest: int, largest: int) -> None:
    if smallest < 0 or largest > LONGEST_SHIFT:
        wrong = smallest if smallest < 0 else largest
        raise NumericsError(f"a shift must be 0 to {LONGEST_SHIFT} bits, not {wrong}")
