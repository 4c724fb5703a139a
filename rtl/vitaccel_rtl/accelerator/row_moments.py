"""Moments of rows, taken as they drain: sums and sums of squares, kept until a LayerNorm asks for them."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.accelerator.parts import turn_words
from vitaccel_rtl.accelerator.tile import LANE_COUNT
from vitaccel_rtl.layernorm import CODE_BITS, SQUARES_BITS, TOTAL_BITS
from vitaccel_rtl.stream import check_range

MOMENTS = data.StructLayout({"total": signed(TOTAL_BITS), "squares": unsigned(SQUARES_BITS)})
"""Of a row: S and Q of :class:`vitaccel_rtl.layernorm.LayerNormMoments`."""


def moments_port(side):
    """Signature of the results whose moments are taken, a word a cycle.

    Returns
    -------
    wiring.Signature
        ``valid``; ``starts``, ``last``: the first and the P-th word of a tile; ``number``: of the word in it;
        ``lanes``: P results of 16 bits; ``block``: place of the row-block's moments; ``begins``: the tile is of its
        first column, nothing was taken before; ``channels``: columns that count, from the first one of the arrays'
        tiles on, what is beyond them is padding.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "starts": Out(1),
            "last": Out(1),
            "number": Out(LANE_COUNT),
            "lanes": Out(data.ArrayLayout(signed(CODE_BITS), side)),
            "block": Out(COUNT),
            "begins": Out(1),
            "channels": Out(COUNT),
        }
    )


ANSWERING = {"asks": In(1), "asked": In(COUNT), "there": Out(1), "moments": Out(MOMENTS)}
"""Ports of what is asked for moments."""

ASKING = {name: member.flip() for name, member in ANSWERING.items()}
"""Ports of what asks."""

FEWEST_BLOCKS = 2
"""Of a memory: one of a single word has no address."""


class RowMoments(wiring.Component):
    """Adds up the results of an array, lane by lane: a lane is a row, and a word one of its channels.

    Tiles of a row-block come at different times, those of other row-blocks between them. What was taken so far waits in
    a memory, which a tile is begun with and written back to. A tile of the row-block that the tile before was of goes
    on from the registers: it may come before the memory is written.

    Parameters
    ----------
    side
        P, 4 to 32.
    blocks
        Row-blocks whose moments are kept, 1 to 4096.
    place
        Which of several arrays it stands behind: each has its turns of a row-block's tiles, and a part of its sums.

    Attributes
    ----------
    i : in
        Results: :func:`moments_port`.
    asks, asked : Signal, in
        A row-block's moments are asked for, ``latency.ROW_MOMENTS`` cycles after its last word or later. ``asked``
        stays for a cycle after ``asks``, and the next ones are asked for P + 1 cycles later or more.
    there, moments : Signal, out
        Lane after lane, from ``latency.MOMENTS_ASKED`` cycles after `asks` on.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, blocks, place=0):
        check_range("side of row moments", side, 4, 32)
        check_range("blocks of row moments", blocks, 1, 4096)
        self._side, self._blocks, self._place = side, max(blocks, FEWEST_BLOCKS), place
        super().__init__(
            {
                "i": In(moments_port(side)),
                **ANSWERING,
            }
        )

    def elaborate(self, platform):
        m = Module()
        block, reloads, begins, ends = self._tiles(m)
        shape = data.ArrayLayout(MOMENTS, self._side)
        memory = Memory(shape=shape, depth=self._blocks, init=[], attrs={"no_rw_check": 1})
        m.submodules.memory = memory
        writes, reads = memory.write_port(), memory.read_port()
        stored = Signal(shape, name="stored", reset_less=True)
        m.d.sync += stored.eq(reads.data)
        sums = self._sums(m, stored, reloads, begins)
        m.d.comb += [
            writes.en.eq(ends),
            writes.addr.eq(block[-1]),
            writes.data.as_value().eq(Cat(sums)),
            reads.addr.eq(Mux(reloads[0], block[0], self.asked)),
        ]
        self._answer(m, stored, reloads[0])
        return m

    def _tiles(self, m):
        """Follow a word: return the place of its moments, whether they are loaded, or begun, and a tile's end."""
        stages = 5
        block = [Signal(range(self._blocks), name=f"block{n + 1}", reset_less=True) for n in range(stages)]
        reloads = [Signal(name=f"reloads{n + 1}") for n in range(stages - 1)]
        begins = Signal(reset_less=True)
        m.d.sync += [after.eq(before) for before, after in pairwise(block)]
        m.d.sync += [after.eq(before) for before, after in pairwise(reloads)]
        # The tile before is the one whose place the registers have, and a word of it is in block[0].
        latest = Signal.like(block[0], name="latest", reset_less=True)
        first = self.i.valid & self.i.starts
        m.d.sync += [
            block[0].eq(self.i.block),
            reloads[0].eq(first & (self.i.begins | (self.i.block[: len(latest)] != latest))),
        ]
        with m.If(first):
            m.d.sync += [latest.eq(self.i.block), begins.eq(self.i.begins)]
        return block, reloads, begins, later(m, self.i.valid & self.i.last, stages, name="ends")

    def _sums(self, m, stored, reloads, begins):
        """Return the lanes' registers of sums, of all words up to the one that came five cycles before."""
        counts = Signal()
        m.d.sync += counts.eq(self.i.valid & (self.i.channels > self.i.number + turn_words(self._side) * self._place))
        begun, words = later(m, begins, 2, name="begins"), later(m, self.i.valid, 4, name="word")
        found = []
        for lane, code in enumerate(self.i.lanes):
            names = ("code", "counted", "factor", "late")
            early, counted, factor, late = (
                Signal(signed(CODE_BITS), name=f"{name}_{lane}", reset_less=True) for name in names
            )
            product, square = (
                Signal(2 * CODE_BITS, name=f"{n}_{lane}", reset_less=True) for n in ("product", "square")
            )
            loaded, sums = (Signal(MOMENTS, name=f"{name}_{lane}", reset_less=True) for name in ("loaded", "sums"))
            m.d.sync += [
                early.eq(code),
                counted.eq(Mux(counts, early, 0)),
                factor.eq(counted),
                late.eq(factor),
                product.eq((counted * counted).as_unsigned()),
                square.eq(product),
                loaded.as_value().eq(Mux(begun, 0, stored[lane].as_value())),
            ]
            with m.If(words):
                m.d.sync += [
                    sums.total.eq(Mux(reloads[-1], loaded.total, sums.total) + late),
                    sums.squares.eq(Mux(reloads[-1], loaded.squares, sums.squares) + square),
                ]
            found.append(sums.as_value())
        return found

    def _answer(self, m, stored, is_taken):
        """Read what is asked for, a cycle later where a tile is begun; shift it out lane by lane."""
        at_once, waits = Signal(), Signal()
        m.d.sync += [at_once.eq(self.asks & ~is_taken), waits.eq(self.asks & is_taken)]
        loads = later(m, at_once, 1, name="at_once") | later(m, waits, 2, name="waited")
        lanes = [Signal(MOMENTS, name=f"answer_{lane}", reset_less=True) for lane in range(self._side)]
        left = Signal(range(self._side + 1))
        with m.If(loads):
            m.d.sync += [lane.eq(kept) for lane, kept in zip(lanes, stored, strict=True)]
        with m.Elif(left.any()):
            m.d.sync += [lane.eq(after) for lane, after in pairwise(lanes)]
        answers = later(m, self.asks, latency.MOMENTS_ASKED - 1, name="answers")
        with m.If(answers):
            m.d.sync += left.eq(self._side)
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
        m.d.comb += [self.there.eq(left.any()), self.moments.eq(lanes[0])]
