"""GELU and its relatives on wide codes: ReLU(x) minus an even remainder that is linear in 64 segments."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import Fixed, as_int64, round_shift
from vitaccel.reference.real_function import check_kind, rounded_activation

GATED = ("gelu", "gelu_tanh", "gelu_sigmoid", "silu")
"""Smooth kinds of the form ``f(x) = x g(x)`` with ``g(x) + g(-x) = 1``, for which the remainder is even."""

GUARD_BITS = 4
"""Bits that a knot has behind those of the output; they keep its own rounding out of the result."""


@dataclass(frozen=True)
class WideGelu:
    """``f(x) = ReLU(x) - d(|x|)`` with ``d(a) = a g(-a)``, piecewise linear between knots and 0 beyond the last.

    The idea is Edge-MoE's (R. Sarkar et al., ICCAD 2023), which tabulates d for its 10 fraction bits. Here a knot
    lies half the error of a chord outside the curve, so that the error of a segment is as large inside as at its ends.
    With the defaults the result is within 1 LSB of the true GELU, rounded, for all 65,536 codes (a certificate).

    Parameters
    ----------
    kind
        One of :data:`GATED`.
    bits
        Width of input and output codes, 9 to 32.
    fraction
        Fraction bits of input and output.
    segments
        Segments of d; ``segments * 2**-step_bits`` is where it becomes 0. For ``gelu`` 64 are enough; the functions
        with a longer tail (``silu``, ``gelu_sigmoid``) want 128.
    step_bits
        A segment is ``2**-step_bits`` long; at most *fraction*.

    Raises
    ------
    NumericsError
        If the kind is unknown or has no even remainder, or a width is out of range.
    """

    kind: str = "gelu"
    bits: int = 16
    fraction: int = 12
    segments: int = 64
    step_bits: int = 4

    def __post_init__(self) -> None:
        check_kind(self.kind, GATED)
        if not 9 <= self.bits <= 32:
            raise NumericsError(f"codes of a wide {self.kind} must have 9 to 32 bits, not {self.bits}")
        if not 0 <= self.fraction < self.bits:
            raise NumericsError(f"fraction of a wide {self.kind} must be 0 to {self.bits - 1}, not {self.fraction}")
        if not 0 <= self.step_bits <= self.fraction:
            steps = f"0 to {self.fraction} bits behind the binary point"
            raise NumericsError(f"a step of {self.kind} must be {steps}, not {self.step_bits}")
        most = 1 << self.bits - 1 - self.fraction + self.step_bits
        if not 1 <= self.segments <= most:
            where = f"1 to {most}, where the last code is"
            raise NumericsError(f"segments of {self.kind} must be {where}, not {self.segments}")

    @property
    def format(self) -> Fixed:
        """Format of input and output."""
        return Fixed(self.bits, self.fraction)

    @cached_property
    def table(self) -> tuple[int, ...]:
        """``segments + 1`` knots of d, each of ``fraction + GUARD_BITS`` fraction bits.

        A knot is ``d(a) - (d(a - h) - 2 d(a) + d(a + h)) / 16``: the second difference is 8 times the error of a chord.
        The first knot stays below half an LSB, so that f(0) = 0.
        """
        knots = [self._knot(i) for i in range(self.segments + 1)]
        return (min(max(knots[0], 1 - self._half), self._half - 1), *knots[1:])

    @property
    def _half(self) -> int:
        """Half an LSB of the output, in units of a knot."""
        return 1 << GUARD_BITS - 1

    def _knot(self, i: int) -> int:
        # In units of 2**-64, far below a knot's own; d continues smoothly to negative arguments as a - f(a).
        step, unit = Fraction(1, 1 << self.step_bits), Fraction(1, 1 << 64)
        before, here, after = (
            round((i + j) * step / unit) - rounded_activation(self.kind, (i + j) * step, unit) for j in (-1, 0, 1)
        )
        wide = 16 * here - (before - 2 * here + after)
        shift = 64 + 4 - self.fraction - GUARD_BITS
        return (wide + (1 << shift - 1)) >> shift

    def compute(self, q: Tensor) -> Tensor:
        """Return the function of every code, rounded half up once.

        A knot has ``fraction + 4`` fraction bits, the difference of two as many, and the position in a segment
        ``fraction - step_bits`` bits, so a line has ``2 * fraction - step_bits + 4`` fraction bits. The magnitude of
        the smallest code saturates, so that it has a bit less than the code.

        Parameters
        ----------
        q
            Integers of any shape, *bits* wide.

        Returns
        -------
        Tensor
            int64 codes of the same format, the shape of *q*.
        """
        q = as_int64(q)
        position_bits = self.fraction - self.step_bits
        magnitude = q.abs().clamp(max=self.format.max)
        position = magnitude & (1 << position_bits) - 1
        # One segment more, level at 0, is everything beyond the last knot.
        segment = (magnitude >> position_bits).clamp_(max=self.segments)
        start = torch.tensor((*self.table[:-1], 0))[segment]
        slope = torch.tensor((*(end - first for first, end in pairwise(self.table)), 0))[segment]
        remainder = (start << position_bits).add_(slope.mul_(position))
        return q.clamp(min=0).add_(round_shift(remainder.neg_(), position_bits + GUARD_BITS))
