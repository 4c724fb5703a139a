"""Pooling over taps: the largest, or the mean by a multiplier that divides and requantizes at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import Fixed, as_int64, round_shift, saturate
from vitaccel.reference.requantize import Requantize

MOST_TAPS = 65535
"""The sum of this many int16 codes fits an accumulator of 32 bits."""


@dataclass(frozen=True)
class MaxPool:
    """The largest of the taps that are inside the image; its scale is theirs.

    Parameters
    ----------
    bits
        Width of a code, 2 to 32: a tap outside counts as the smallest.

    Raises
    ------
    NumericsError
        If the width is out of range.
    """

    bits: int = 16

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 32:
            raise NumericsError(f"codes of a pooling must have 2 to 32 bits, not {self.bits}")

    def compute(self, taps: Tensor, inside: Tensor | None = None) -> Tensor:
        """Return the largest tap of every window.

        Parameters
        ----------
        taps
            Codes ``[..., taps]``, at least one.
        inside
            Which of them are no padding, bool, broadcast to *taps*; all by default. A window without any gives the
            smallest code.

        Returns
        -------
        Tensor
            int64 ``[...]``.

        Raises
        ------
        NumericsError
            If there is no tap.
        """
        taps = _check_taps(taps)
        if inside is not None:
            taps = torch.where(inside, taps, Fixed(self.bits, 0).min)
        return taps.amax(-1)


@dataclass(frozen=True)
class AveragePool:
    """The mean of the taps of a window, ``saturate(round_shift(sum(taps) * multiplier, shift), bits)``.

    A window at a border has fewer taps when padding is not counted, so there is a multiplier for each number of taps
    that occurs. A multiplier is within 2**-17 of what it stands for, so where the scale stays, the mean of int16 codes
    is off by at most a quarter of a step before it is rounded.

    Parameters
    ----------
    counts
        Numbers of taps that occur, rising, 1 to 65,535.
    factors
        Division by each of them, and the change of scale.

    Raises
    ------
    NumericsError
        If the counts do not rise, are out of range, or are not as many as the factors.
    """

    counts: tuple[int, ...]
    factors: tuple[Requantize, ...]

    def __post_init__(self) -> None:
        if not self.counts or len(self.counts) != len(self.factors):
            lengths = f"{len(self.counts)} and {len(self.factors)}"
            raise NumericsError(f"an average must have a factor for each of its counts, not {lengths}")
        if list(self.counts) != sorted(set(self.counts)) or not 1 <= self.counts[0] <= self.counts[-1] <= MOST_TAPS:
            raise NumericsError(f"counts of an average must rise from 1 to at most {MOST_TAPS}, not {self.counts}")
        if len({factor.bits for factor in self.factors}) != 1:
            raise NumericsError("factors of an average must have one width of result")

    @classmethod
    def from_scale(cls, counts: Iterable[int], in_scale: float, out_scale: float, bits: int = 16) -> AveragePool:
        """Return the mean over windows of *counts* taps, from steps of *in_scale* to steps of *out_scale*.

        Raises
        ------
        NumericsError
            If a scale is not positive and finite, or a count is out of range.
        """
        for scale in (in_scale, out_scale):
            if not (isfinite(scale) and scale > 0):
                raise NumericsError(f"scales of an average must be positive and finite, not {scale}")
        distinct = tuple(sorted({int(count) for count in counts}))
        if not distinct or distinct[0] < 1:
            raise NumericsError(f"counts of an average must rise from 1 to at most {MOST_TAPS}, not {distinct}")
        ratio = Fraction(float(in_scale)) / Fraction(float(out_scale))
        return cls(distinct, tuple(Requantize.from_scale(float(ratio / count), bits) for count in distinct))

    def compute(self, taps: Tensor, counts: Tensor | None = None) -> Tensor:
        """Return the mean of every window.

        Parameters
        ----------
        taps
            int16 codes ``[..., taps]``; 0 where a tap is padding.
        counts
            Taps that count, integers broadcast to ``[...]``. By default every window has as many as ``taps`` has.

        Returns
        -------
        Tensor
            int64 codes ``[...]``.

        Raises
        ------
        NumericsError
            If there is no tap, or a count has no factor.
        """
        taps = _check_taps(taps)
        counts = torch.tensor(taps.shape[-1]) if counts is None else as_int64(counts)
        known = torch.tensor(self.counts)
        place = torch.searchsorted(known, counts.contiguous()).clamp(max=len(known) - 1)
        if not torch.equal(known[place], counts):
            wrong = int(counts[known[place] != counts].flatten()[0])
            raise NumericsError(f"a window of an average must have one of {self.counts} taps, not {wrong}")
        multiplier = torch.tensor([factor.multiplier for factor in self.factors])[place]
        shift = torch.tensor([factor.shift for factor in self.factors])[place]
        return saturate(round_shift(taps.sum(-1) * multiplier, shift), self.factors[0].bits)


def _check_taps(taps: Tensor) -> Tensor:
    if taps.ndim < 1 or not 1 <= taps.shape[-1] <= MOST_TAPS:
        raise NumericsError(f"a window must have 1 to {MOST_TAPS} taps, not shape {list(taps.shape)}")
    return as_int64(taps)
