"""Requantize: an accumulator times a real constant, by one 18-bit multiply, shift, rounding and saturation.

    out = saturate(round_shift((acc + bias) * multiplier, shift) + residual, bits)

Widths: ``acc`` and ``bias`` are int32, their sum has 33 bits, ``multiplier`` is signed with 18 bits, so the product
has 51 bits and fits int64 with every rounding constant (at most 2**62). The residual is int16; it joins after the only
rounding and before the only saturation, so a residual stream loses nothing but what does not fit it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import LONGEST_SHIFT, as_int64, round_shift, saturate

MULTIPLIER_BITS = 18
"""Width of a multiplier with its sign: one input of an 18 x 18 multiplier."""

MULTIPLIER_LIMIT = 1 << MULTIPLIER_BITS - 1
"""A multiplier's magnitude is below this."""


@dataclass(frozen=True)
class Requantize:
    """Multiplication by ``multiplier / 2**shift`` of a whole tensor.

    Parameters
    ----------
    multiplier
        Signed, 18 bits, magnitude below 2**17.
    shift
        Right shift, 0 to 63.
    bits
        Width of the signed result, 2 to 32.

    Raises
    ------
    NumericsError
        If a field is out of its range.
    """

    multiplier: int
    shift: int
    bits: int

    def __post_init__(self) -> None:
        if not -MULTIPLIER_LIMIT < self.multiplier < MULTIPLIER_LIMIT:
            raise NumericsError(f"a multiplier must be within ±{MULTIPLIER_LIMIT - 1}, not {self.multiplier}")
        if not 0 <= self.shift <= LONGEST_SHIFT:
            raise NumericsError(f"a shift must be 0 to {LONGEST_SHIFT} bits, not {self.shift}")
        _check_result_bits(self.bits)

    @classmethod
    def from_scale(cls, real: float, bits: int) -> Requantize:
        """Return the multiplication nearest to *real*.

        The multiplier is normalised, ``2**16 <= |multiplier|``, so its relative error is at most 2**-17, unless the
        shift runs out at 63 (``|real| < 2**-47``, where the error is at most 2**-64 absolute). Zero gives zero.

        Raises
        ------
        NumericsError
            If *real* is not finite, or its magnitude is not below 2**17 after rounding.
        """
        if not isfinite(real):
            raise NumericsError(f"the scale of a requantization must be finite, not {real}")
        magnitude = abs(Fraction(float(real)))
        shift = _normalising_shift(magnitude)
        multiplier = int(magnitude * 2**shift + Fraction(1, 2))
        if multiplier == MULTIPLIER_LIMIT and shift > 0:
            multiplier, shift = multiplier >> 1, shift - 1
        if multiplier >= MULTIPLIER_LIMIT:
            raise NumericsError(f"the scale of a requantization must be within ±{MULTIPLIER_LIMIT - 1}, not {real}")
        return cls(-multiplier if real < 0 else multiplier, shift, bits)

    @property
    def real(self) -> Fraction:
        """The factor this multiplies by, exactly."""
        return Fraction(self.multiplier, 1 << self.shift)

    def compute(self, acc: Tensor, bias: int = 0) -> Tensor:
        """Return ``saturate(round_shift((acc + bias) * multiplier, shift), bits)``.

        Parameters
        ----------
        acc
            Integers that fit int32.
        bias
            An int32 added before the multiplication.

        Returns
        -------
        Tensor
            int64 codes of ``bits`` bits.
        """
        return saturate(round_shift((as_int64(acc) + bias) * self.multiplier, self.shift), self.bits)


@dataclass(frozen=True, eq=False)
class ChannelRequantize:
    """One multiplication and one bias for each channel, the last dimension: what follows every matmul.

    Parameters
    ----------
    multiplier
        ``[channels]``, signed 18 bits.
    shift
        ``[channels]``, 0 to 63.
    bias
        ``[channels]``, int32, in units of the accumulator.
    bits
        Width of the signed result, 2 to 32.

    Raises
    ------
    NumericsError
        If the three tensors are not integer vectors of one length, or an element is out of its range.
    """

    multiplier: Tensor
    shift: Tensor
    bias: Tensor
    bits: int

    def __post_init__(self) -> None:
        _check_result_bits(self.bits)
        limits = {
            "multiplier": (1 - MULTIPLIER_LIMIT, MULTIPLIER_LIMIT - 1),
            "shift": (0, LONGEST_SHIFT),
            "bias": (-(2**31), 2**31 - 1),
        }
        for name, (smallest, largest) in limits.items():
            vector = as_int64(getattr(self, name))
            if vector.ndim != 1 or vector.shape != self.multiplier.shape or not vector.numel():
                shapes = f"{list(vector.shape)}, beside multipliers of {list(self.multiplier.shape)}"
                raise NumericsError(f"{name} must be a vector of one integer a channel, not {shapes}")
            for value in (int(vector.min()), int(vector.max())):
                if not smallest <= value <= largest:
                    raise NumericsError(f"{name} of a channel must be {smallest} to {largest}, not {value}")
            object.__setattr__(self, name, vector)

    @classmethod
    def from_scales(cls, reals: Sequence[float], biases: Sequence[int], bits: int) -> ChannelRequantize:
        """Return the multiplications nearest to *reals* (:meth:`Requantize.from_scale`), with *biases*."""
        channels = [Requantize.from_scale(real, bits) for real in reals]
        return cls(
            multiplier=torch.tensor([c.multiplier for c in channels], dtype=torch.int64),
            shift=torch.tensor([c.shift for c in channels], dtype=torch.int64),
            bias=torch.tensor([int(b) for b in biases], dtype=torch.int64),
            bits=bits,
        )

    def compute(self, acc: Tensor, residual: Tensor | None = None) -> Tensor:
        """Return ``saturate(round_shift((acc + bias) * multiplier, shift) + residual, bits)``.

        Parameters
        ----------
        acc
            ``[..., channels]``, integers that fit int32.
        residual
            int16 codes of the result's scale, of the shape of *acc*, or nothing.

        Returns
        -------
        Tensor
            int64 codes of ``bits`` bits, of the shape of *acc*.

        Raises
        ------
        NumericsError
            If *acc* has another number of channels, or *residual* another shape.
        """
        channels = self.multiplier.shape[0]
        if acc.ndim < 1 or acc.shape[-1] != channels:
            raise NumericsError(f"an accumulator must have the shape [..., {channels}], not {list(acc.shape)}")
        rounded = round_shift((as_int64(acc) + self.bias).mul_(self.multiplier), self.shift)
        if residual is None:
            return saturate(rounded, self.bits)
        if residual.shape != acc.shape:
            raise NumericsError(f"a residual must have the shape {list(acc.shape)}, not {list(residual.shape)}")
        return saturate(rounded.add_(as_int64(residual)), self.bits)


def _normalising_shift(magnitude: Fraction) -> int:
    """Return the shift, 0 to 63, that brings *magnitude* to 2**16 and below 2**17, or as near as there is."""
    if magnitude == 0:
        return 0
    # The denominator of a float is a power of two, so the difference of the lengths is floor(log2).
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    return min(max(MULTIPLIER_BITS - 2 - exponent, 0), LONGEST_SHIFT)


def _check_result_bits(bits: int) -> None:
    if not 2 <= bits <= 32:
        raise NumericsError(f"the result of a requantization must have 2 to 32 bits, not {bits}")
