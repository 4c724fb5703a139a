"""The reciprocal of a softmax's sum: a table and one Newton step, without a division.

For a sum S of at most 32 bits with its highest bit at k, and x = S / 2**k in [1, 2) cut to 16 fraction bits,

    r0 = table[upper index_bits of x's fraction]                      entry_bits, uq0.entry_bits
    t  = 2 + centre - x * r0, the product cut to 17 fraction bits     18 bits, uq1.17
    r  = round(r0 * t) with 17 fraction bits                          17 bits, uq0.17

and ``1 / S`` is about ``r / 2**(17 + k)``. Both multiplications fit 18 x 18 bits. A Newton step errs to one side only,
by the square of the table's error, and the two cuts to the other; adding ``centre`` to the constant 2 puts zero into
the middle and halves the largest error for nothing: the constant was wired anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64, round_shift

SUM_BITS = 32
"""Widest sum."""

MANTISSA_BITS = 17
"""Width of the reciprocal's mantissa, all of it behind the binary point."""

ARGUMENT_FRACTION = 16
"""Fraction bits of the normalised sum; what is below is cut off."""

CUT_UNITS = 3
"""What the cuts add at most, in units of 2**-17: 1 from the product, 2 from x."""


@dataclass(frozen=True)
class Reciprocal:
    """``1 / S`` as a mantissa of 17 bits and an exponent.

    Parameters
    ----------
    index_bits
        The table has ``2**index_bits`` entries; 4 to 7 (with more, the mantissa would reach 2**17).
    entry_bits
        Width of an entry, of which the first bit is always 1; 7 to 12.

    Raises
    ------
    NumericsError
        If a field is out of its range.
    """

    index_bits: int = 6
    entry_bits: int = 9

    def __post_init__(self) -> None:
        if not 4 <= self.index_bits <= 7:
            raise NumericsError(f"index_bits of a reciprocal must be 4 to 7, not {self.index_bits}")
        if not 7 <= self.entry_bits <= 12:
            raise NumericsError(f"entry_bits of a reciprocal must be 7 to 12, not {self.entry_bits}")

    @cached_property
    def table(self) -> tuple[int, ...]:
        """Reciprocals in uq0.entry_bits, each of smallest relative error over its interval of x."""
        return tuple(self._entry(i)[0] for i in range(1 << self.index_bits))

    @cached_property
    def centre(self) -> int:
        """What is added to 2 to put the error's middle at zero, in units of 2**-17.

        Half of the largest square error of the table, less half of what the two cuts add at most.
        """
        worst = Fraction(max(self._entry(i)[1] for i in range(1 << self.index_bits)))
        square = (worst / (1 << self.entry_bits + self.index_bits)) ** 2 * (1 << MANTISSA_BITS)
        return max(round((square - CUT_UNITS) / 2), 0)

    def _entry(self, i: int) -> tuple[int, int]:
        """Return the entry of interval *i* and its largest ``abs(1 - x * r0)`` in 2**-(entry_bits + index_bits)."""
        low = (1 << self.index_bits) + i
        unit = 1 << self.entry_bits + self.index_bits
        # The entry that errs as much at either end of [low, low + 1] is 2 / (low + low + 1).
        nearest = 2 * unit // (2 * low + 1)
        errors = [(max(abs(unit - low * r), abs(unit - (low + 1) * r)), r) for r in (nearest, nearest + 1)]
        error, entry = min(errors)
        return entry, error

    def compute(self, total: Tensor) -> tuple[Tensor, Tensor]:
        """Return mantissa r and exponent k with ``1 / total`` about ``r / 2**(17 + k)``.

        Parameters
        ----------
        total
            Sums, 1 to ``2**32 - 1``.

        Returns
        -------
        tuple of Tensor
            r, int64 of 17 bits, and k, the place of the highest bit of *total*, 0 to 31.

        Raises
        ------
        NumericsError
            If a sum is out of its range.
        """
        total = as_int64(total)
        if total.numel() and not 1 <= int(total.min()) <= int(total.max()) < 1 << SUM_BITS:
            wrong = int(total.min()) if int(total.min()) < 1 else int(total.max())
            raise NumericsError(f"the sum of a softmax must be 1 to {(1 << SUM_BITS) - 1}, not {wrong}")
        k = torch.bucketize(total.contiguous(), 1 << torch.arange(SUM_BITS), right=True) - 1
        x = (total << ARGUMENT_FRACTION) >> k
        r0 = torch.tensor(self.table)[(x >> ARGUMENT_FRACTION - self.index_bits) - (1 << self.index_bits)]
        product = (x * r0) >> self.entry_bits + ARGUMENT_FRACTION - MANTISSA_BITS
        t = (2 << MANTISSA_BITS) + self.centre - product
        return round_shift(r0 * t, self.entry_bits), k
