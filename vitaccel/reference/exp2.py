"""Powers of two for softmax: ``2**(y - m)`` of a fixed-point logit, by a table of its fraction and a shift.

A logit y has ``fraction_bits`` bits behind the point, m is an integer not below it. With ``i`` the fraction of y,

    n = round_shift(mantissa[i], m - floor(y)),  mantissa[i] ~ 2**(i / 2**fraction_bits) in uq1.15

which is about 2**15 where y = m, and 0 where y is 17 octaves below. Mantissas have 16 bits, numerators too (0 to
32768). As m is an integer, n depends on the distance ``m - y`` alone; ``numerators`` lists it for every distance. All
tables are made with integers, so no library's ``exp2`` can change a bit of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64

NUMERATOR_FRACTION = 15
"""Fraction bits of a mantissa and of a numerator: 2**0 is 32768."""

OCTAVES = NUMERATOR_FRACTION + 2
"""From this right shift on, every mantissa is rounded to 0."""

LINE_BITS = 2
"""Bits of a line behind a mantissa's last."""

GUARD_BITS = 16
"""Bits behind a line's last that are known when it is fitted."""


@dataclass(frozen=True)
class Exp2:
    """``2**(y - m)`` with a table entry for every fraction.

    Parameters
    ----------
    fraction_bits
        Bits of a logit behind the binary point, 1 to 10; the table has ``2**fraction_bits`` entries of 16 bits.

    Raises
    ------
    NumericsError
        If *fraction_bits* is out of its range.
    """

    fraction_bits: int = 6

    def __post_init__(self) -> None:
        if not 1 <= self.fraction_bits <= 10:
            raise NumericsError(f"fraction_bits of a table of powers must be 1 to 10, not {self.fraction_bits}")

    @cached_property
    def mantissas(self) -> tuple[int, ...]:
        """The table: ``round(2**15 * 2**(i / 2**fraction_bits))``, each 32768 to 65535."""
        return tuple((power + 1) >> 1 for power in _powers(self.fraction_bits, NUMERATOR_FRACTION + 1))

    @cached_property
    def numerators(self) -> tuple[int, ...]:
        """Numerator for every distance ``m - y`` in codes, up to the first octave in which all are 0."""
        return _by_distance(self.mantissas, self.fraction_bits)

    def compute(self, y: Tensor, m: Tensor) -> Tensor:
        """Return the numerators ``2**(y - m)`` in uq1.15.

        Parameters
        ----------
        y
            Logits, codes of ``fraction_bits`` fraction bits, int16.
        m
            Integers that broadcast with *y*, each at least ``ceil(y)``; they count units, not codes.

        Returns
        -------
        Tensor
            int64, 0 to 32768.

        Raises
        ------
        NumericsError
            If an *m* is below its *y*.
        """
        return _compute(self.numerators, self.fraction_bits, y, m)


@dataclass(frozen=True)
class Exp2Linear:
    """``2**(y - m)`` with straight lines over equal parts of the octave, for logits of more fraction bits.

    The mantissa is ``(base[s] + slope[s] * t) >> 2``, with *s* the upper bits of the fraction and *t* the lower ones:
    one multiplication of 10 by 4 bits in the default. Each line is the one of smallest maximal error over the fractions
    it serves. The first starts below 2**15 (at 32765 in the default), so no numerator is above it.

    Parameters
    ----------
    fraction_bits
        Bits of a logit behind the binary point, 4 to 10.
    segments
        Lines an octave, a power of two from 2 to ``2**(fraction_bits - 1)``.

    Raises
    ------
    NumericsError
        If a field is out of its range.
    """

    fraction_bits: int = 8
    segments: int = 16

    def __post_init__(self) -> None:
        if not 4 <= self.fraction_bits <= 10:
            raise NumericsError(f"fraction_bits of piecewise linear powers must be 4 to 10, not {self.fraction_bits}")
        most = 1 << self.fraction_bits - 1
        if not 2 <= self.segments <= most or self.segments & (self.segments - 1):
            raise NumericsError(f"segments must be a power of two from 2 to {most}, not {self.segments}")

    @property
    def segment_codes(self) -> int:
        """Fractions that one line serves."""
        return (1 << self.fraction_bits) // self.segments

    @cached_property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """The table: base, 18 bits with the half for rounding in it, and slope of every line, in 2**-17."""
        exact = _powers(self.fraction_bits, NUMERATOR_FRACTION + LINE_BITS + GUARD_BITS)
        size = self.segment_codes
        return tuple(_line(exact[start : start + size]) for start in range(0, len(exact), size))

    @cached_property
    def mantissas(self) -> tuple[int, ...]:
        """``(base + slope * t) >> 2`` for every fraction, each 16 bits."""
        codes = range(self.segment_codes)
        return tuple((base + slope * t) >> LINE_BITS for base, slope in self.lines for t in codes)

    @cached_property
    def numerators(self) -> tuple[int, ...]:
        """Numerator for every distance ``m - y`` in codes, up to the first octave in which all are 0."""
        return _by_distance(self.mantissas, self.fraction_bits)

    def compute(self, y: Tensor, m: Tensor) -> Tensor:
        """Return the numerators ``2**(y - m)`` in uq1.15: the contract of :meth:`Exp2.compute`."""
        return _compute(self.numerators, self.fraction_bits, y, m)


def _powers(fraction_bits: int, scale_bits: int) -> list[int]:
    """Return ``floor(2**scale_bits * 2**(i / 2**fraction_bits))`` for every fraction *i*, exactly.

    The floor of a square root of a floor is the floor of the square root, so *fraction_bits* integer square roots of
    ``2**(scale_bits * 2**fraction_bits + i)`` give it.
    """
    powers = []
    for i in range(1 << fraction_bits):
        power = 1 << (scale_bits << fraction_bits) + i
        for _ in range(fraction_bits):
            power = isqrt(power)
        powers.append(power)
    return powers


def _line(exact: list[int]) -> tuple[int, int]:
    """Return the base and slope whose largest error over *exact* (with guard bits) is smallest.

    The best line through points of a convex function has the slope of their chord, so one of its two neighbours is the
    best that an integer can be.
    """
    unit = 1 << GUARD_BITS
    chord = (exact[-1] - exact[0]) // ((len(exact) - 1) * unit)
    best = []
    for slope in (chord, chord + 1):
        rest = [value - slope * t * unit for t, value in enumerate(exact)]
        base = (min(rest) + max(rest) + unit) // (2 * unit)
        best.append((max(abs(base * unit - r) for r in rest), base, slope))
    _, base, slope = min(best)
    return base + (1 << LINE_BITS - 1), slope


def _by_distance(mantissas: tuple[int, ...], fraction_bits: int) -> tuple[int, ...]:
    """Return ``round_shift(mantissa[fraction of y], m - floor(y))`` for each distance ``m - y`` of 0 codes and more."""
    one = 1 << fraction_bits
    numerators = []
    for distance in range(OCTAVES * one):
        shift = -(-distance // one)
        half = 1 << shift >> 1
        numerators.append((mantissas[-distance % one] + half) >> shift)
    return (*numerators, 0)


def _compute(numerators: tuple[int, ...], fraction_bits: int, y: Tensor, m: Tensor) -> Tensor:
    distance = (as_int64(m) << fraction_bits) - as_int64(y)
    if distance.numel() and int(distance.min()) < 0:
        raise NumericsError(f"m must be at least every logit rounded up, not {-int(distance.min())} codes below one")
    return torch.tensor(numerators)[distance.clamp_(max=len(numerators) - 1)]
