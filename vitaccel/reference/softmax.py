"""Online softmax of base 2: what the lanes compute beside the QK^T tiles, and what divides at the drain of A.V.

A logit y is int16 in base 2 (the real logit times log2 e) with 6 or 8 fraction bits. A row is taken key by key, in the
order of its keys, so that no result depends on the size of the PE array:

    m = lowest, S = 0                             lowest = -2**(15 - fraction_bits), the smallest logit
    for each y:                                   m: signed, 11 bits (9 with 8 fraction bits)
        m' = max(m, ceil(y))                      S: unsigned, 28 bits for 4096 keys
        if m' > m:
            S = 0 if m == lowest else S >> (m' - m)
        S = S + n(y, m'); m = m'                  n: 16 bits, 0 to 2**15 (vitaccel.reference.exp2)

**Masked keys** are logits of -32768, which is also what saturation makes of a logit that low. n of such a key is 0,
unless m is lowest: until a key is seen that is not masked. When every key of a row is masked, all keys count alike.

The A.V pass reads the logits again with the final m, brings n to 8, 12 or 16 bits (u), and accumulates A = sum u V. S
is the sum of the 16-bit n whatever the width of u. One multiplication an output divides by S and applies the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.exp2 import NUMERATOR_FRACTION, Exp2, Exp2Linear
from vitaccel.reference.fixed_point import LONGEST_SHIFT, Fixed, as_int64, round_shift, saturate
from vitaccel.reference.reciprocal import MANTISSA_BITS, Reciprocal

LONGEST_ROW = 4096
"""Most keys of a row."""

MASKED = -(1 << 15)
"""The logit of a key that a query must not see."""

POWERS: dict[int, Exp2 | Exp2Linear] = {6: Exp2(6), 8: Exp2Linear(8)}
"""The powers of two for each number of fraction bits of a logit."""

RECIPROCAL = Reciprocal()
"""The reciprocal of S: 64 entries of 9 bits and a Newton step."""

NUMERATOR_FRACTIONS = {8: 8, 12: 12, 16: NUMERATOR_FRACTION}
"""Fraction bits of u for each width. 2**0 saturates to 255/256 and 4095/4096, and is exact with 16 bits."""

WIDEST_EXPONENT = 27
"""The highest bit of S in a row of 4096 keys."""

VALUE_MAGNITUDE = 128
"""Largest magnitude of an int8 of V."""


@dataclass(frozen=True)
class OnlineSoftmax:
    """Softmax over the last dimension of int16 logits of base 2.

    Parameters
    ----------
    fraction_bits
        Of a logit: 6 (a table of 64 powers) or 8 (16 straight lines).
    numerator_bits
        Width of what multiplies V: 8, 12 or 16, unsigned.

    Raises
    ------
    NumericsError
        If a field is none of these.
    """

    fraction_bits: int = 6
    numerator_bits: int = 16

    def __post_init__(self) -> None:
        if self.fraction_bits not in POWERS:
            raise NumericsError(f"fraction_bits of a softmax must be 6 or 8, not {self.fraction_bits}")
        if self.numerator_bits not in NUMERATOR_FRACTIONS:
            raise NumericsError(f"numerator_bits of a softmax must be 8, 12 or 16, not {self.numerator_bits}")

    @property
    def exp2(self) -> Exp2 | Exp2Linear:
        """The powers of two of this softmax."""
        return POWERS[self.fraction_bits]

    @property
    def reciprocal(self) -> Reciprocal:
        """The reciprocal of this softmax."""
        return RECIPROCAL

    @property
    def logit(self) -> Fixed:
        """Format of a logit: q9.6 or q7.8."""
        return Fixed(16, self.fraction_bits)

    @property
    def numerator(self) -> Fixed:
        """Format of u: uq0.8, uq0.12 or uq1.15."""
        return Fixed(self.numerator_bits, NUMERATOR_FRACTIONS[self.numerator_bits], signed=False)

    @property
    def lowest(self) -> int:
        """The m of a row before the first key that is not masked."""
        return MASKED >> self.fraction_bits

    def sum_bits(self, keys: int) -> int:
        """Width of S, unsigned, for rows of *keys* keys: 28 bits for 4096."""
        return (keys << NUMERATOR_FRACTION).bit_length()

    def accumulator_bits(self, keys: int) -> int:
        """Width of A = sum u V, signed, that no row of *keys* keys overflows, with V of 8 bits.

        int32 holds 4096 keys of u8 and u12, but 511 of u16 (all of 2**15, all values -128); 4096 of u16 take 36 bits.
        """
        return (keys * min(self.numerator.max, 1 << NUMERATOR_FRACTION) * VALUE_MAGNITUDE).bit_length() + 1

    def statistics(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the final m and S of every row.

        S is that of the loop over keys. A shift that floors may be split or joined, so the sum is taken per *level*,
        the keys between two rises of m, and the levels are joined one after another.

        Parameters
        ----------
        y
            Logits ``[..., keys]``, 1 to 4096 keys, int16 codes.

        Returns
        -------
        tuple of Tensor
            m and S, int64 ``[...]``; S is at least 2**14 and has ``sum_bits(keys)`` bits.

        Raises
        ------
        NumericsError
            If a logit is no int16, or the number of keys is out of its range.
        """
        y = self._logits(y)
        running = self._ceil(y).cummax(-1).values
        m = running[..., -1]
        n = self._numerators(y, running, masked_out=m.unsqueeze(-1) > self.lowest)
        rises = torch.zeros_like(running)
        rises[..., 1:] = running[..., 1:] > running[..., :-1]
        level = rises.cumsum(-1)
        levels = int(level[..., -1].max()) + 1 if level.numel() else 1
        shape = (*m.shape, levels)
        sums = torch.zeros(shape, dtype=torch.int64).scatter_add_(-1, level, n)
        # A row without a level of its own stays where it is: no shift, and nothing to add.
        tops = m.unsqueeze(-1).repeat_interleave(levels, -1).scatter_(-1, level, running)
        total = sums[..., 0]
        for k in range(1, levels):
            # m may rise by 1023, and what a shift by the width of a register does is not PyTorch's promise.
            total = (total >> (tops[..., k] - tops[..., k - 1]).clamp_(max=LONGEST_SHIFT)) + sums[..., k]
        return m, total

    def numerators(self, y: Tensor, m: Tensor) -> Tensor:
        """Return u, what multiplies V: n brought to ``numerator_bits``, rounded half up and saturated.

        Parameters
        ----------
        y
            Logits ``[..., keys]``, int16 codes.
        m
            ``[...]``, from :meth:`statistics` of the same rows.

        Returns
        -------
        Tensor
            int64 ``[..., keys]`` in the format :attr:`numerator`.
        """
        n = self._final_numerators(y, m)
        u = round_shift(n, NUMERATOR_FRACTION - self.numerator.fraction)
        return u if self.numerator_bits == 16 else saturate(u, self.numerator_bits, signed=False)

    def normalize(
        self,
        accumulated: Tensor,
        total: Tensor,
        multiplier: int | Tensor,
        shift: int | Tensor,
        bits: int = 8,
        residual: Tensor | None = None,
    ) -> Tensor:
        """Return ``A / S``, times a scale, as the codes of the output: one multiplication, one rounding an output.

        With r and k of ``1 / S`` (17 bits, :class:`vitaccel.reference.reciprocal.Reciprocal`) and a real factor
        ``c = multiplier / 2**shift``, the scale of V over the scale of the output,

            r'  = round_shift(r * multiplier, 17)                      once a row; 34 bits to 17
            out = saturate(round_shift(A * r', k + shift + fraction of u - 15) + residual, bits)

        A has ``accumulator_bits(keys)``, at most 36, so the product has at most 53 bits.

        Parameters
        ----------
        accumulated
            A, ``[..., channels]``.
        total
            S, ``[...]``, from :meth:`statistics`.
        multiplier, shift
            c of all rows, or of each: tensors that broadcast with *total* (one a head). The multiplier is normalised,
            2**16 to 2**17 - 1, as :meth:`vitaccel.reference.requantize.Requantize.from_scale` makes it; the shift is
            0 to 36, so c is at least 2**-20.
        bits
            Width of the signed result: 8, or 16 for a residual stream.
        residual
            Codes of the result's scale, of the shape of *accumulated*, or nothing.

        Returns
        -------
        Tensor
            int64 codes ``[..., channels]``.

        Raises
        ------
        NumericsError
            If a multiplier, a shift or a shape is none of these.
        """
        multiplier, shift = _factor(multiplier, shift)
        accumulated, total = as_int64(accumulated), as_int64(total)
        if accumulated.shape[:-1] != total.shape:
            raise NumericsError(f"A must be {list(total.shape)} rows of channels, not {list(accumulated.shape)}")
        mantissa, k = self.reciprocal.compute(total)
        row_multiplier = round_shift(mantissa * multiplier, MANTISSA_BITS)
        row_shift = k + shift + (self.numerator.fraction - NUMERATOR_FRACTION)
        product = accumulated * row_multiplier.unsqueeze(-1)
        rounded = round_shift(product, row_shift.unsqueeze(-1))
        if residual is None:
            return saturate(rounded, bits)
        if residual.shape != accumulated.shape:
            raise NumericsError(f"a residual must have the shape {list(accumulated.shape)}, not {list(residual.shape)}")
        return saturate(rounded + as_int64(residual), bits)

    def probabilities(self, y: Tensor) -> Tensor:
        """Return normalised probabilities in uq0.16: ``saturate(round_shift(n * r, k + 1))``, unsigned 16 bits.

        What attention with reused scores (the normaliser belongs to the contraction index) and a router's gate need. n
        has 16 bits whatever :attr:`numerator_bits` is; the product has 32.

        Parameters
        ----------
        y
            Logits ``[..., keys]``, int16 codes.

        Returns
        -------
        Tensor
            int64 ``[..., keys]``, 0 to 65535; 65536, which a row of one key would need, saturates.
        """
        m, total = self.statistics(y)
        mantissa, k = self.reciprocal.compute(total)
        n = self._final_numerators(y, m)
        shift = k + (MANTISSA_BITS - 16)
        return saturate(round_shift(n * mantissa.unsqueeze(-1), shift.unsqueeze(-1)), 16, signed=False)

    def _ceil(self, y: Tensor) -> Tensor:
        return -(-y >> self.fraction_bits)

    def _final_numerators(self, y: Tensor, m: Tensor) -> Tensor:
        y, m = self._logits(y), as_int64(m).unsqueeze(-1)
        return self._numerators(y, m, masked_out=m > self.lowest)

    def _numerators(self, y: Tensor, m: Tensor, masked_out: Tensor) -> Tensor:
        """Return n against *m*, with 0 for a masked key in the rows where *masked_out* holds."""
        return self.exp2.compute(y, m).masked_fill_((y == MASKED) & masked_out, 0)

    def _logits(self, y: Tensor) -> Tensor:
        if y.ndim < 1 or not 1 <= y.shape[-1] <= LONGEST_ROW:
            raise NumericsError(f"a softmax must be over 1 to {LONGEST_ROW} keys, not over a tensor of {list(y.shape)}")
        codes = as_int64(y)
        if y.dtype is not torch.int16 and codes.numel():
            smallest, largest = (int(v) for v in codes.aminmax())
            if smallest < MASKED or largest > self.logit.max:
                wrong = smallest if smallest < MASKED else largest
                raise NumericsError(f"a logit must be an int16 code, {MASKED} to {self.logit.max}, not {wrong}")
        return codes


def _factor(multiplier: int | Tensor, shift: int | Tensor) -> tuple[Tensor, Tensor]:
    """Return the layer's factor as tensors, checked: normalised, and no shift that would leave the register."""
    factor, places = (as_int64(torch.as_tensor(x)) for x in (multiplier, shift))
    for name, tensor, least, most in (
        ("the multiplier of an output's scale", factor, 1 << MANTISSA_BITS - 1, (1 << MANTISSA_BITS) - 1),
        ("the shift of an output's scale", places, 0, LONGEST_SHIFT - WIDEST_EXPONENT),
    ):
        for value in (int(tensor.min()), int(tensor.max())):
            if not least <= value <= most:
                raise NumericsError(f"{name} must be {least} to {most}, not {value}")
    return factor, places
