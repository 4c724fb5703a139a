"""LayerNorm of int16 codes with exact moments: no mean is rounded, and nothing is divided.

With S = sum(x) and Q = sum(x * x) over C channels, ``V = C Q - S S`` is C * C times the variance, exactly, and

    z   = round_shift((C x - S) * r, 18 + e - 15)        r / 2**(18 + e) = rsqrt(V + epsilon)
    out = saturate(round_shift(z * multiplier[c] + offset[c], shift), bits)

Widths, for C <= 4096 and 16-bit x: S has 28 bits and Q 43; C Q, S S and V at most 55; ``C x - S`` 29. The mantissa r
has 18, so their product has 47. No element is further than ``sqrt(C - 1)`` deviations from the mean (Samuelson), so z,
which has 15 fraction bits, has 22 bits. Its product with an 18-bit multiplier has 39 bits, with the int32 offset 40.
All is signed int64 here, so nothing overflows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64, round_shift, saturate
from vitaccel.reference.real_function import round_half_up
from vitaccel.reference.requantize import MULTIPLIER_LIMIT
from vitaccel.reference.rsqrt import MANTISSA_BITS, Rsqrt

MOMENTS = 2
"""Numbers that a row is summed up to: S and Q."""

NORMAL_FRACTION = 15
"""Fraction bits of the normalised value z."""

MOST_CHANNELS = 4096
"""The widths above hold up to here."""

LONGEST_SHIFT = 23
"""The last shift. It leaves an int32 offset the whole range of an int8 result: 256 steps to either side."""

OFFSET_LIMIT = 1 << 31
"""An offset's magnitude is below this."""

EPSILON_LIMIT = 1 << 62
"""Below this, V + epsilon is a positive int64."""


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """LayerNorm over the last dimension with its affine part and its requantization in one multiply and add.

    Parameters
    ----------
    multiplier
        ``[C]`` signed, 18 bits: gamma over the output scale, times ``2**(shift - 15)``.
    offset
        ``[C]`` int32: beta over the output scale, times ``2**shift``.
    shift
        0 to 23.
    epsilon
        Added to V, 1 to ``2**62 - 1``: eps in units of the squared input scale, times C * C.
    bits
        Width of the signed result, 8 or 16.
    rsqrt
        The reciprocal square root.

    Raises
    ------
    NumericsError
        If the tensors are not integer vectors of one length up to 4096, or a number is out of its range.
    """

    multiplier: Tensor
    offset: Tensor
    shift: int
    epsilon: int
    bits: int = 8
    rsqrt: Rsqrt = field(default_factory=Rsqrt)

    def __post_init__(self) -> None:
        for name, limit in (("multiplier", MULTIPLIER_LIMIT), ("offset", OFFSET_LIMIT)):
            vector = as_int64(getattr(self, name))
            if vector.ndim != 1 or vector.shape != self.multiplier.shape or not 1 <= len(vector) <= MOST_CHANNELS:
                counts = f"one integer for each of 1 to {MOST_CHANNELS} channels, not {list(vector.shape)}"
                raise NumericsError(f"{name} of a layernorm must be {counts}")
            if int(vector.max()) >= limit or int(vector.min()) <= -limit:
                raise NumericsError(f"{name} of a layernorm must be within ±{limit - 1}, not {_largest(vector)}")
            object.__setattr__(self, name, vector)
        if not 0 <= self.shift <= LONGEST_SHIFT:
            raise NumericsError(f"shift of a layernorm must be 0 to {LONGEST_SHIFT}, not {self.shift}")
        if not 1 <= self.epsilon < EPSILON_LIMIT:
            raise NumericsError(f"epsilon of a layernorm must be 1 to {EPSILON_LIMIT - 1}, not {self.epsilon}")
        if self.bits not in (8, 16):
            raise NumericsError(f"result of a layernorm must have 8 or 16 bits, not {self.bits}")

    @classmethod
    def from_affine(
        cls,
        gamma: Sequence[float],
        beta: Sequence[float],
        *,
        in_scale: float,
        out_scale: float | Iterable[float],
        eps: float,
        bits: int = 8,
    ) -> LayerNorm:
        """Return the integers nearest to a trained LayerNorm, at the longest shift at which all of them fit.

        Parameters
        ----------
        gamma, beta
            A factor and a summand for each channel.
        in_scale
            What one step of the input is worth.
        out_scale
            What one step of the output is worth: one for all, or one for each channel.
        eps
            What is added to the variance, in real units. Less than ``(in_scale / C)**2`` becomes that, so that a
            constant row is legal.
        bits
            Width of the result.

        Raises
        ------
        NumericsError
            If a scale is not positive and finite, lengths differ, or no shift fits.
        """
        scales = list(out_scale) if isinstance(out_scale, Iterable) else [out_scale] * len(gamma)
        if not len(gamma) == len(beta) == len(scales):
            lengths = f"{len(gamma)}, {len(beta)} and {len(scales)}"
            raise NumericsError(f"gamma, beta and output scales of a layernorm must have one length, not {lengths}")
        if not all(isfinite(s) and s > 0 for s in (in_scale, *scales)):
            raise NumericsError("the scales of a layernorm must be positive and finite")
        if not all(isfinite(v) for v in (*gamma, *beta)) or not 0 <= eps < float("inf"):
            raise NumericsError("gamma, beta and eps of a layernorm must be finite, and eps not negative")
        factors = [Fraction(float(g)) / Fraction(float(s)) for g, s in zip(gamma, scales, strict=True)]
        summands = [Fraction(float(b)) / Fraction(float(s)) for b, s in zip(beta, scales, strict=True)]
        shift = _longest_shift(factors, summands)
        unit = Fraction(2) ** (shift - NORMAL_FRACTION)
        return cls(
            multiplier=torch.tensor([round_half_up(f * unit) for f in factors], dtype=torch.int64),
            offset=torch.tensor([round_half_up(s * 2**shift) for s in summands], dtype=torch.int64),
            shift=shift,
            epsilon=max(1, round_half_up(Fraction(float(eps)) * len(gamma) ** 2 / Fraction(float(in_scale)) ** 2)),
            bits=bits,
        )

    @property
    def channels(self) -> int:
        """Length of a row."""
        return len(self.multiplier)

    def compute(self, x: Tensor, taken: Tensor | None = None) -> Tensor:
        """Return the normalised, scaled and shifted rows.

        Parameters
        ----------
        x
            ``[..., C]``, int16 codes.
        taken
            Their :func:`moments`, ``[..., 2]``, where they were taken before.

        Returns
        -------
        Tensor
            int64 codes of *bits* bits, of the shape of *x*.

        Raises
        ------
        NumericsError
            If a row has not C channels, or there are not two moments for each row.
        """
        scaled = self.normalize(x, taken) * self.multiplier
        return saturate(round_shift(scaled.add_(self.offset), self.shift), self.bits)

    def normalize(self, x: Tensor, taken: Tensor | None = None) -> Tensor:
        """Return z, the rows less their mean over their deviation: int64 codes q6.15, of the shape of *x*."""
        channels = self.channels
        if x.ndim < 1 or x.shape[-1] != channels:
            raise NumericsError(f"rows of a layernorm must have {channels} channels, not shape {list(x.shape)}")
        x = as_int64(x)
        taken = moments(x) if taken is None else as_int64(taken)
        if taken.shape != (*x.shape[:-1], MOMENTS):
            raise NumericsError(
                f"moments of rows {list(x.shape)} must be {[*x.shape[:-1], MOMENTS]}, not {list(taken.shape)}"
            )
        total, squares = taken[..., :1], taken[..., 1:]
        mantissa, exponent = self.rsqrt.compute(channels * squares - total * total + self.epsilon)
        product = (x * channels).sub_(total).mul_(mantissa)
        return round_shift(product, exponent + (MANTISSA_BITS - NORMAL_FRACTION))


def moments(x: Tensor) -> Tensor:
    """Return S and Q of rows ``[..., C]`` of int16 codes, or of a part of their channels: int64 ``[..., 2]``.

    Those of a row are the sums of those of its parts.
    """
    x = as_int64(x)
    return torch.stack([x.sum(-1), (x * x).sum(-1)], dim=-1)


def _longest_shift(factors: Sequence[Fraction], summands: Sequence[Fraction]) -> int:
    factor, summand = max(map(abs, factors), default=Fraction(0)), max(map(abs, summands), default=Fraction(0))
    for shift in range(LONGEST_SHIFT, -1, -1):
        if (
            round_half_up(factor * Fraction(2) ** (shift - NORMAL_FRACTION)) < MULTIPLIER_LIMIT
            and round_half_up(summand * 2**shift) < OFFSET_LIMIT
        ):
            return shift
    worst = f"{float(factor):.4g} and {float(summand):.4g} output steps"
    raise NumericsError(f"gamma and beta of a layernorm must be below 2**32 and 2**31 output steps, not {worst}")


def _largest(vector: Tensor) -> int:
    return max((int(vector.max()), int(vector.min())), key=abs)
