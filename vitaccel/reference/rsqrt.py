"""The reciprocal square root of a variance: a table and one Newton step, without a division.

For an integer V with its highest bit at k, e = floor(k / 2) and p = k mod 2, let x = V / 4**e in [1, 4); its mantissa
m = V / 2**k in [1, 2) is cut to 17 fraction bits. Then

    y0 = table[p, upper index_bits of m's fraction]              entry_bits, uq0.entry_bits
    t  = 3 + centre - 2**p * m * y0 * y0, cut to 19 fraction     21 bits, uq2.19, about 2
    r  = round(y0 * t / 2) with 18 fraction bits, saturated      18 bits, uq0.18

and ``1 / sqrt(V)`` is about ``r / 2**(18 + e)``. A Newton step never comes out above the root; ``centre`` is such
that it errs to both sides alike, which halves the error for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64, round_shift

VARIANCE_BITS = 63
"""Widest variance: what a positive int64 holds."""

MANTISSA_BITS = 18
"""Width of the result's mantissa, all of it behind the binary point."""

ARGUMENT_FRACTION = 17
"""Fraction bits of the normalised variance; what is below is cut off."""

STEP_FRACTION = 19
"""Fraction bits of the factor of the Newton step."""


@dataclass(frozen=True)
class Rsqrt:
    """``1 / sqrt(V)`` as a mantissa of 18 bits and an exponent.

    Parameters
    ----------
    index_bits
        The table has ``2**index_bits`` entries for even and as many for odd exponents; 4 to 10.
    entry_bits
        Width of an entry, of which the first bit is always 1; 7 to 14.

    Raises
    ------
    NumericsError
        If a field is out of its range.
    """

    index_bits: int = 7
    entry_bits: int = 11

    def __post_init__(self) -> None:
        if not 4 <= self.index_bits <= 10:
            raise NumericsError(f"index_bits of a reciprocal square root must be 4 to 10, not {self.index_bits}")
        if not 7 <= self.entry_bits <= 14:
            raise NumericsError(f"entry_bits of a reciprocal square root must be 7 to 14, not {self.entry_bits}")

    @cached_property
    def table(self) -> tuple[int, ...]:
        """Roots in uq0.entry_bits, even exponents first, each of smallest relative error over its interval."""
        return tuple(entry for entry, _ in self._entries)

    @cached_property
    def centre(self) -> int:
        """What is added to the constant 3, in units of ``2**-(ARGUMENT_FRACTION + 2 * entry_bits)``.

        With ``h = 1 - x * y0**2`` the step gives ``y0 * (1 + h/2)``, the root is ``y0 * (1 + h/2 + 3/8 h**2 + ...)``.
        """
        worst = max(h for _, h in self._entries)
        return int(Fraction(3, 8) * worst**2 * (1 << ARGUMENT_FRACTION + 2 * self.entry_bits))

    @cached_property
    def _entries(self) -> tuple[tuple[int, Fraction], ...]:
        lows = [(1 << self.index_bits) + i for i in range(1 << self.index_bits)]
        return tuple(self._entry(low << p, low + 1 << p) for p in (0, 1) for low in lows)

    def _entry(self, low: int, high: int) -> tuple[int, Fraction]:
        """Return the entry of an interval in units of ``2**-index_bits``, and its largest ``abs(1 - x * y0**2)``."""
        scale = 1 << 2 * self.entry_bits + self.index_bits
        near = isqrt(2 * scale // (low + high))
        errors = [(max(abs(scale - x * y * y) for x in (low, high)), y) for y in (near - 1, near, near + 1)]
        error, entry = min(errors)
        return entry, Fraction(error, scale)

    def compute(self, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return mantissa r and exponent e with ``1 / sqrt(variance)`` about ``r / 2**(18 + e)``.

        The widest product, ``m * y0 * y0``, has 18 + 2 * entry_bits + 1 bits.

        Parameters
        ----------
        variance
            Integers, 1 to ``2**63 - 1``.

        Returns
        -------
        tuple of Tensor
            r, int64 of 18 bits, the first of them set, and e, 0 to 31, of the shape of *variance*.

        Raises
        ------
        NumericsError
            If a variance is not positive.
        """
        variance = as_int64(variance)
        if variance.numel() and int(variance.min()) < 1:
            raise NumericsError(f"the argument of a reciprocal square root must be 1 or more, not {variance.min()}")
        k = torch.bucketize(variance, 1 << torch.arange(VARIANCE_BITS), right=True) - 1
        odd = k & 1
        # Left first: the highest bit comes to bit 62, so that nothing but the cut is lost.
        m = (variance << VARIANCE_BITS - 1 - k) >> VARIANCE_BITS - 1 - ARGUMENT_FRACTION
        index = (m >> ARGUMENT_FRACTION - self.index_bits) - (1 << self.index_bits)
        y0 = torch.tensor(self.table)[(odd << self.index_bits) + index]
        fraction = ARGUMENT_FRACTION + 2 * self.entry_bits
        t = ((3 << fraction) + self.centre - ((m * y0 * y0) << odd)) >> fraction - STEP_FRACTION
        r = round_shift(y0 * t, self.entry_bits + STEP_FRACTION + 1 - MANTISSA_BITS)
        return r.clamp(max=(1 << MANTISSA_BITS) - 1), k >> 1
