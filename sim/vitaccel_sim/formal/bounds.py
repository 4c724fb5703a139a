"""Sums that never overflow: a count beside each sum bounds it, by induction over the words of a row.

A sum that wrapped could be within its bound by chance. So each register must hold the bound too: then the exact sum,
which is within it, is what the register has.

A pipeline is not stalled here: no register moves while it is (:mod:`vitaccel_sim.formal.stream_contract`). There is
no reset in the middle either: what it leaves in a sum is forgotten with the first word of the next row.
"""

from __future__ import annotations

import re
from typing import Any

from amaranth.hdl import Assert, Assume, Cover, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.array import Array
from vitaccel_rtl.layernorm import LayerNormMoments
from vitaccel_rtl.pe import PRODUCT_BITS
from vitaccel_rtl.softmax import SoftmaxStatistics
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.stream_contract import assume_contract, drive_freely

LARGEST_POWER = 1 << 15
"""Of softmax: 2**0."""


class SoftmaxSum(wiring.Component):
    """The running sum of :class:`vitaccel_rtl.softmax.SoftmaxStatistics` for rows of at most *keys* keys.

    It is kept in units of ``2**-(m % 16)``: ``running_total <= keys so far * 2**15 * 2**(m % 16)``.

    Parameters
    ----------
    block
        With one lane.
    keys
        Of the longest row.
    """

    def __init__(self, block: SoftmaxStatistics, *, keys: int) -> None:
        self._block = block
        self._keys = keys
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = inside = Inside(self._block)
        stage = self._block.latency_cycles - 2
        count = count_row(m, self._block, inside, starts_after=1, sums_after=stage, longest=self._keys)
        exponent = inside.register("lane0.m_sum_2")[:4]
        running = inside.register("lane0.running_total")
        scaled = running >> exponent
        m.d.comb += [
            Assert(running <= (count * LARGEST_POWER) << exponent, "the running sum is within its count"),
            Assert(
                (count * LARGEST_POWER) << exponent < 1 << len(running), "the running sum's register holds its bound"
            ),
            Assert(scaled >> len(inside.register("lane0.total")) == 0, "a sum fits its register"),
            Cover((running == (2 * LARGEST_POWER) << exponent) & (exponent == 3), "two keys reach the bound"),
        ]
        return m


class MomentSums(wiring.Component):
    """The sums of :class:`vitaccel_rtl.layernorm.LayerNormMoments` for rows of at most *channels* channels.

    Parameters
    ----------
    block
        With one lane.
    channels
        Of the longest row.
    """

    def __init__(self, block: LayerNormMoments, *, channels: int) -> None:
        self._block = block
        self._channels = channels
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = inside = Inside(self._block)
        count = count_row(m, self._block, inside, starts_after=2, sums_after=2, longest=self._channels)
        total, squares = inside.register("lane0.running_total"), inside.register("lane0.running_squares")
        m.d.comb += [
            Assert(total >= -(count << 15), "the sum of codes is not below its count"),
            Assert(total <= (count << 15) - count, "the sum of codes is not above its count"),
            Assert(count << 15 <= 1 << len(total) - 1, "the register of the sum of codes holds its bound"),
            Assert(count << 30 < 1 << len(squares), "the register of the sum of squares holds its bound"),
            Assert(squares <= count << 30, "the sum of squares is within its count"),
            Assert(inside.register("lane0.square") <= 1 << 30, "a square is within its range"),
            Cover((count == 2) & (squares == 2 << 30), "two codes reach the bound"),
        ]
        return m


class ArraySums(wiring.Component):
    """The accumulators of an :class:`vitaccel_rtl.array.Array` for tiles of at most *words* words, any operands.

    A product has 16 bits (that it always fits them is a test over all operands), so a sum of k products has
    ``-k * 2**15 <= sum < k * 2**15``: 65,536 fit 32 bits. Where two products share a multiplier, the upper one and the
    carry into it are assumed to make 16 bits, as they do of any operands (a lemma in the same tests).

    Parameters
    ----------
    block
        Of any side.
    words
        K of the deepest tile. With digits, a word counts 256 times for each lower digit that follows its own.
    """

    def __init__(self, block: Array, *, words: int) -> None:
        self._block = block
        self._words = words
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        assume_contract(m, block)
        has_digits = "next_digit" in block.i.p.shape().members
        stages = [found[1] for name in inside.registers if (found := re.fullmatch(r"row_0\.valid_(\w+)", name))]
        begins = Mux(inside.register("operands_valid"), inside.register("operands_first"), inside.register("starts"))
        for stage in stages:
            adds, first = (self._same_in_rows(m, inside, f"{name}_{stage}") for name in ("valid", "first"))
            begins = Mux(adds, first, begins)
        raises = self._same_in_rows(m, inside, f"next_digit_{stages[-1]}") if has_digits else Value.cast(0)
        count = count_words(m, adds, first, self._words, raises=raises)
        m.d.comb += Assert((count != 0) | begins, "a tile is summed from its first word on")
        for name, product in inside.registers.items():
            if re.fullmatch(r"row_\d+\.product_\d+", name) and len(product) > PRODUCT_BITS:
                upper = product[PRODUCT_BITS : 2 * PRODUCT_BITS]
                m.d.comb += Assume((upper != (1 << PRODUCT_BITS - 1) - 1) | ~product[PRODUCT_BITS - 1])
        sums = [register for name, register in inside.registers.items() if re.fullmatch(r"row_\d+\.sum_\w+", name)]
        for total in sums:
            m.d.comb += [
                Assert(count << 15 <= 1 << len(total) - 1, "the register of a sum holds its bound"),
                # Of the upper bits alone: a solver is slow with chains of carries through all of them.
                Assert(total >> 15 >= -count, "a sum is not below its count"),
                Assert((total >> 15 < count) | (count == 0), "a sum is below its count"),
            ]
        reached = Cover((count == 2) & (sums[0] == -2 * 128 * 255), "two of the most negative products are summed")
        m.d.comb += reached
        if has_digits:
            m.d.comb += Cover(count == 257, "a lower digit is summed")
        return m

    def _same_in_rows(self, m: Module, inside: Inside, name: str) -> Value:
        """Return a register that every row has, and assert that they are equal."""
        first, *others = (
            register for path, register in inside.registers.items() if re.fullmatch(rf"row_\d+\.{name}", path)
        )
        m.d.comb += [Assert(first == other, f"rows have the same {name}") for other in others]
        return first


def count_row(m: Module, block: Any, inside: Inside, *, starts_after: int, sums_after: int, longest: int) -> Value:
    """Return how many words of the row that is summed are in the sum of a pipeline that does not stall.

    Parameters
    ----------
    m
        The module around the block.
    block, inside
        A block whose register ``row_starts`` says that the next word after some stages begins a row.
    starts_after
        Those stages.
    sums_after
        Stages before the sum.
    longest
        Words of a row, assumed.
    """
    drive_freely(m, block)
    m.d.comb += [Assume(block.o.ready), Assume(~ResetSignal())]
    row_starts = inside.register("row_starts")
    begins = Signal(init=1)
    with m.If(block.i.valid & block.i.ready):
        m.d.sync += begins.eq(block.i.p.last)
    expected = row_starts
    for stage in range(starts_after, 0, -1):
        expected = Mux(inside.register(f"valid_{stage}"), inside.register(f"last_{stage}"), expected)
    m.d.comb += Assert(expected == begins, "a row starts behind the word that ended the one before")
    first = row_starts
    for stage in range(starts_after, sums_after):
        later = Signal(name=f"first_{stage + 1}", reset_less=True)
        m.d.sync += later.eq(first)
        first = later
    return count_words(m, inside.register(f"valid_{sums_after}"), first, longest)


def count_words(m: Module, adds: Value, first: Value, longest: int, *, raises: Value | int = 0) -> Value:
    """Return how many words are in a sum, and assume that a row has no more than *longest*.

    Where *raises* is on, those that are in it count 256 times from then on.
    """
    count = Signal(range(longest + 1), reset_less=True)
    after = Mux(first, 1, Mux(raises, count << 8, count) + 1)
    m.d.comb += Assume(~adds | (after <= longest))
    with m.If(adds):
        m.d.sync += count.eq(after)
    m.d.comb += Assert(count <= longest, "a row is as long as assumed")
    return count
