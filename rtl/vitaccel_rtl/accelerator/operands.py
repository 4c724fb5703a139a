"""Both operands of the array: runs of words that set out together and meet there, and the sets behind the weights."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SET_BYTES
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.set_memory import WRITE
from vitaccel_rtl.accelerator.shared_operand import shared_run
from vitaccel_rtl.accelerator.slot_buffer import read_client
from vitaccel_rtl.accelerator.tile import operands_layout
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.accelerator.word_memory import WordMemory
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.pe import OPERAND_BITS

A, B = 0, 1
"""Read clients of the activation buffer."""


class Operands(wiring.Component):
    """From the start of a tile to its words at the array, `latency.READ_RUN` cycles later, one a cycle for K cycles.

    Parameters
    ----------
    side, words, weight_words
        P, and words of the activation buffer and of the weight buffer.
    shares_a
        Whether A of some tiles is read by several readers by turns, of which this one's is one.

    Attributes
    ----------
    phase : in
        Of the frame.
    early, early_a, early_count : in
        The low bytes of kept logits are read through A's client, ahead of their tile; in phase 0. They are at
        ``early_word`` `latency.READ_RUN` cycles later.
    start, operands, has_sets : in
        A tile sets out, in phase 0: :func:`vitaccel_rtl.accelerator.tile.operands_layout`; whether the words behind its
        weights are parameter sets.
    memories : array of read clients, out
        Of the activation buffer: A and B.
    write_valid, write_address, write_word : in
        Of the weight buffer.
    shared : in, out
        With *shares_a*: what A's reader reads for all, and the words for all;
        :func:`vitaccel_rtl.accelerator.shared_operand.shared_run`.
    numerators : in
        P unsigned bytes, in the cycles in which A is made of logits.
    digits : in
        The same, where A is made of kept logits.
    valid, a, b, unsigned, by_rows, next_digit, last : out
        A pair of words, and what :class:`vitaccel_rtl.array.Array` takes with it.
    set_begins, set_valid, set_word : out
        Words of parameter sets; the first of them.
    """

    def __init__(self, *, side, words, weight_words, shares_a=False):
        self._side, self._words, self._weight_words, self._shares_a = side, words, weight_words, shares_a
        lanes = data.ArrayLayout(signed(OPERAND_BITS), side)
        super().__init__(
            {
                "phase": In(3),
                "early": In(1),
                "early_a": In(WORD_ADDRESS),
                "early_count": In(COUNT),
                "early_word": Out(8 * side),
                "start": In(1),
                "operands": In(operands_layout()),
                "has_sets": In(1),
                "memories": Out(read_client(side, words // SLOTS)).array(2),
                "write_valid": In(1),
                "write_address": In(range(weight_words)),
                "write_word": In(8 * side),
                **({"shared": In(shared_run(side))} if shares_a else {}),
                "numerators": In(8 * side),
                "digits": In(8 * side),
                "valid": Out(1),
                "a": Out(lanes),
                "b": Out(lanes),
                "unsigned": Out(1),
                "by_rows": Out(1),
                "next_digit": Out(1),
                "last": Out(1),
                "set_begins": Out(1),
                "set_valid": Out(1),
                "set_word": Out(8 * side),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tile = self.operands
        readers = [RunReader(side=self._side, words=self._words, client=client) for client in (A, B)]
        m.submodules.a, m.submodules.b = readers
        m.submodules.weights = weights = WordMemory(bits=8 * self._side, words=self._weight_words)
        for reader, memory in zip(readers, self.memories, strict=True):
            wiring.connect(m, reader.memory, wiring.flipped(memory))
        m.d.comb += [getattr(weights, name).eq(getattr(self, name)) for name in WRITE]
        m.d.comb += [
            readers[A].phase.eq(self.phase),
            readers[A].start.eq(self.early | (self.start & ~tile.from_logits & ~tile.a_is_shared)),
            readers[A].address.eq(Mux(self.early, self.early_a, tile.a)),
            readers[A].count.eq(Mux(self.early, self.early_count, tile.depth)),
            self.early_word.eq(readers[A].word),
            readers[B].phase.eq(self.phase),
            readers[B].start.eq(self.start & tile.b_is_activation),
            readers[B].address.eq(tile.b),
            readers[B].count.eq(tile.depth),
            weights.start.eq(self.start & ~tile.b_is_activation),
            weights.address.eq(tile.b),
            weights.count.eq(Mux(self.has_sets, tile.depth + SET_BYTES, tile.depth)),
        ]
        if self._shares_a:
            self._read_for_all(m, readers[A])
        self._meet(m, readers, weights)
        return m

    def _read_for_all(self, m, reader):
        shared = self.shared
        m.d.comb += [shared.valid.eq(reader.valid), shared.own.eq(reader.word)]
        with m.If(shared.start):
            m.d.comb += [reader.start.eq(1), reader.address.eq(shared.address), reader.count.eq(shared.count)]

    def _meet(self, m, readers, weights):
        """Count the words of the tile that is at the array, then those of its sets."""
        kind = data.StructLayout(
            {
                "final": COUNT,
                "from_logits": 1,
                "a_is_shared": 1,
                "b_is_activation": 1,
                "by_rows": 1,
                "is_high_digit": 1,
                "is_low_digit": 1,
                "has_sets": 1,
            }
        )
        m.submodules.tiles = tiles = TileQueue(kind)
        word = tiles.word
        m.d.comb += [
            tiles.push.eq(self.start),
            word.final.eq(self.operands.depth - 1),
            word.has_sets.eq(self.has_sets),
            word.is_high_digit.eq(self.operands.from_kept & ~self.operands.is_low_digit),
            word.is_low_digit.eq(self.operands.from_kept & self.operands.is_low_digit),
        ]
        m.d.comb += [
            getattr(word, name).eq(getattr(self.operands, name))
            for name in ("from_logits", "a_is_shared", "b_is_activation", "by_rows")
        ]
        begins = later(m, self.start, latency.READ_RUN, name="begins")
        ends, is_digit = Signal(), Signal()
        runs, number = Signal(), Signal(COUNT, reset_less=True)
        at_hand = Signal(COUNT)
        tile = tiles.head
        a = Mux(tile.a_is_shared, self.shared.word, readers[A].word) if self._shares_a else readers[A].word
        m.d.comb += [
            at_hand.eq(Mux(begins, 0, number)),
            self.valid.eq(begins | runs),
            is_digit.eq(tile.is_high_digit | tile.is_low_digit),
            ends.eq(self.valid & (at_hand == tile.final)),
            # A tile of two digits goes on behind the first of them.
            self.last.eq(ends & ~tile.is_high_digit),
            self.next_digit.eq(begins & tile.is_low_digit),
            self.unsigned.eq(tile.from_logits),
            self.by_rows.eq(tile.by_rows),
            self.a.as_value().eq(Mux(tile.from_logits, Mux(is_digit, self.digits, self.numerators), a)),
            self.b.as_value().eq(Mux(tile.b_is_activation, readers[B].word, weights.word)),
            tiles.pop.eq(ends),
            self.set_word.eq(weights.word),
        ]
        m.d.sync += number.eq(at_hand + 1)
        with m.If(self.valid):
            m.d.sync += runs.eq(~ends)
        m.d.sync += self.set_begins.eq(self.last & tile.has_sets)
        left = Signal(range(SET_BYTES))
        m.d.comb += self.set_valid.eq(self.set_begins | (left != 0))
        m.d.sync += left.eq(Mux(self.set_begins, SET_BYTES - 1, left - (left != 0)))
