"""What a word becomes, a formula each: the docstrings of `vitaccel.reference` in Amaranth, with no code of a block.

Amaranth's arithmetic is exact, as sums and products are as wide as they must be. Rounding is the addition of a half and
a shift, saturation a comparison with the ends of the range: neither as the blocks do it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Const, Mux, Value

OCTAVES = 17
"""From this distance on a power is 0."""


def round_shift(x: Value, shift: Value | int) -> Value:
    """Return ``floor(x / 2**shift + 1/2)``."""
    if isinstance(shift, int):
        return (x + (1 << shift >> 1)) >> shift
    half = (Const(1) << shift) >> 1
    return (x + half) >> shift


def clamp(x: Value, bits: int, *, is_signed: bool = True) -> Value:
    """Return *x*, or the end of the range of *bits* bits that it is beyond."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
    return Mux(x > high, high, Mux(x < low, low, x))


def highest_bit(x: Value) -> Value:
    """Return the place of the highest bit that is set."""
    place: Value = Const(0)
    for n in range(len(x)):
        place = Mux(x[n], n, place)
    return place


def normalized(x: Value) -> Value:
    """Return *x*, 32 or 64 bits and not 0, shifted left until its highest bit is at the top."""
    places = (len(x) - 1 - highest_bit(x))[: (len(x) - 1).bit_length()]
    return (x << places)[: len(x)]


class Exp2Specification:
    """``n = round_shift(mantissa[fraction of y], m - floor(y))``, the mantissa of a table or of lines."""

    def __init__(self, *, fraction_bits: int, table: Sequence[Any]) -> None:
        self._fraction_bits = fraction_bits
        self._table = table

    def legal(self, word: Any) -> Value:
        """Whether m is at least the logit rounded up."""
        return (word.m[0] << self._fraction_bits) >= word.lanes[0]

    def __call__(self, word: Any) -> dict[str, Value]:
        y, m = word.lanes[0], word.m[0]
        fraction = y[: self._fraction_bits]
        distance = (m - (y >> self._fraction_bits)).as_unsigned()
        shift = Mux(distance > OCTAVES, OCTAVES, distance)[:5]
        return {"lanes": round_shift(self._mantissa(fraction), shift)}

    def _mantissa(self, fraction: Value) -> Value:
        if isinstance(self._table[0], int):
            return Array(self._table)[fraction]
        size = (1 << self._fraction_bits) // len(self._table)
        bases, slopes = zip(*self._table, strict=True)
        segment, t = fraction // size, fraction % size
        return (Array(bases)[segment] + Array(slopes)[segment] * t) >> 2


class ReciprocalSpecification:
    """``1 / S`` about ``r / 2**(17 + k)``: the three lines of `vitaccel.reference.reciprocal`."""

    def __init__(self, *, table: Sequence[int], entry_bits: int, centre: int) -> None:
        self._table = table
        self._entry_bits = entry_bits
        self._centre = centre

    def legal(self, word: Any) -> Value:
        """Whether there is a reciprocal."""
        return word.lanes[0] != 0

    def __call__(self, word: Any) -> dict[str, Value]:
        total = word.lanes[0]
        k = highest_bit(total)
        x = ((total << 16) >> k)[:17]
        index_bits = len(self._table).bit_length() - 1
        r0 = Array(self._table)[(x >> 16 - index_bits) - (1 << index_bits)]
        product = (x * r0) >> self._entry_bits - 1
        t = ((2 << 17) + self._centre - product)[:18]
        return {"mantissa": round_shift(r0 * t, self._entry_bits), "exponent": k}


class RequantizeSpecification:
    """``saturate(round_shift((acc + offset) * multiplier, shift) + residual, bits)``."""

    def __init__(self, *, bits: int, has_offset: bool = True, has_residual: bool = True) -> None:
        self._bits = bits
        self._has_offset = has_offset
        self._has_residual = has_residual

    def __call__(self, word: Any) -> dict[str, Value]:
        return self.of_product(word, self.product(word))

    def product(self, word: Any) -> Value:
        """Return what is to be shifted."""
        total = word.lanes[0] + word.offset if self._has_offset else word.lanes[0]
        return total * word.multiplier

    def of_parts(self, word: Any, low: Value, high: Value) -> dict[str, Value]:
        """Return the product's register, of two parts of the wide operand that are 17 places apart.

        The register has 51 bits and the product never more: `tests/sim/formal/test_products.py`.
        """
        return {"lane0.scaled_sum": ((high << 17) + low)[:51].as_signed()}

    def parts(self, word: Any, total: Value, factor: Value) -> dict[str, Value]:
        """Return the registers of the two partial products, as of the registers of their operands."""
        low, high = Cat(total[:17], Const(0, 1)).as_signed(), total[17:].as_signed()
        return {"lane0.scaled_low": low * factor, "lane0.scaled_high": high * factor}

    def operands(self, word: Any) -> dict[str, Value]:
        """Return the registers of the operands."""
        return {"lane0.operand": word.lanes[0] + word.offset, "lane0.factor_2": word.multiplier}

    def of_product(self, word: Any, product: Value) -> dict[str, Value]:
        """Return what a word becomes, its product being so much."""
        result = round_shift(product, word.shift)
        if self._has_residual:
            result = result + word.residual[0]
        code = clamp(result, self._bits)
        if self._bits == 16:
            code = Mux(word.narrow, clamp(result, 8), code)
        return {"lanes": code}


class RowFactorSpecification:
    """``round_shift(r * multiplier, 17)`` and ``k + shift + (fraction of u - 15)``, r and k of the reciprocal."""

    def __init__(self, *, fraction: int) -> None:
        self._fraction = fraction

    def product(self, word: Any, mantissa: Value) -> dict[str, Value]:
        """Return the register of the product, of that of the mantissa."""
        return {"product0": mantissa * word.multiplier}

    def of_product(self, word: Any, product: Value, exponent: Value) -> dict[str, Value]:
        """Return what becomes of the product and of the exponent's register.

        Of factors of 17 bits it is less than 2**17, and shifts are modulo 64: those of a layer are less.
        """
        multiplier = round_shift(product, 17)[:18].as_signed()
        return {"multiplier": multiplier, "shift": (exponent + word.shift + self._fraction - 15)[:6]}


class ResidualSpecification:
    """``saturate(update + residual)``."""

    def __init__(self, *, bits: int) -> None:
        self._bits = bits

    def __call__(self, word: Any) -> dict[str, Value]:
        return {"lanes": clamp(word.lanes[0] + word.residual[0], self._bits)}


class GeluSpecification:
    """``ReLU(x) - d(|x|)``, d linear between knots and 0 beyond the last: `vitaccel.reference.gelu.WideGelu`."""

    def __init__(self, *, bits: int, fraction: int, step_bits: int, table: Sequence[int]) -> None:
        self._bits = bits
        self._position_bits = fraction - step_bits
        self._knots = table

    def __call__(self, word: Any) -> dict[str, Value]:
        x = word.lanes[0]
        largest = (1 << self._bits - 1) - 1
        magnitude = Mux(x < -largest, largest, Mux(x < 0, -x, x)).as_unsigned()[: self._bits - 1]
        position = magnitude % (1 << self._position_bits)
        segment = magnitude // (1 << self._position_bits)
        last = len(self._knots) - 1
        place = Mux(segment > last, last, segment)
        starts = [*self._knots[:-1], 0]
        slopes = [*(self._knots[n + 1] - self._knots[n] for n in range(last)), 0]
        line = (Array(starts)[place] << self._position_bits) + Array(slopes)[place] * position
        return {"lanes": Mux(x < 0, 0, x) + round_shift(-line, self._position_bits + 4)}
