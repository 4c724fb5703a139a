"""Gather: an expert's tokens, from channel-lane rows anywhere in a buffer into token-lane words.

The integers of `vitaccel.backends.interpreter.moe.gather`.
"""

from amaranth.hdl import Cat, Module, Mux, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from vitaccel_rtl import latency
from vitaccel_rtl.fifo import LEAST_DEPTH, StreamFifo
from vitaccel_rtl.queue_walk import QueueWalk, check_walk, side_by_side, walk_job
from vitaccel_rtl.stream import check_range, lane_word
from vitaccel_rtl.transposer import Transposer

ELEMENT_BITS = 8


class Gather(wiring.Component):
    """Reads P rows a tile, block by block of a queue, and transposes them.

    Parameters
    ----------
    side
        Lanes, entries of a block, channels of a tile, P: 2 to 64.
    address_bits
        Width of an address of the buffer, in words of P int8, 1 to 32.
    tile_bits, entry_bits
        Widths of numbers of tiles and of entries, 1 to 24.
    next_tile
        Of :class:`vitaccel_rtl.queue_walk.QueueWalk`.
    in_flight
        Reads under way at most, 3 to 256. For one word a cycle, more than the cycles in which the buffer answers.

    Attributes
    ----------
    job : stream
        ``address`` of the row of the first routed token, ``step`` (words from one tile of channels to the next),
        ``tiles`` (1 or more), ``entries`` (0 for an empty queue, of which no words are made).
    entry : stream
        Row of a token, in words from the first routed token: as many as the job says. Frames are padded to row-blocks,
        so that a row is ``token // frame_tokens * frame_rows + token % frame_tokens``.
    request, response : stream
        Addresses, and the words at them in the same order: P signed elements, channels of a tile.
    o : stream
        ``lanes`` (P signed elements: a channel of P entries, 0 beyond the queue), ``last`` (of the block's channels).

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, address_bits=16, tile_bits=12, entry_bits=16, next_tile=side_by_side, in_flight=16):
        check_range("in_flight of a gather", in_flight, LEAST_DEPTH, 256)
        check_walk(side, address_bits, tile_bits, entry_bits)
        self._walk_options = {
            "side": side,
            "address_bits": address_bits,
            "tile_bits": tile_bits,
            "entry_bits": entry_bits,
            "next_tile": next_tile,
        }
        self._side = side
        self._in_flight = in_flight
        word = data.ArrayLayout(signed(ELEMENT_BITS), side)
        super().__init__(
            {
                "job": In(stream.Signature(walk_job(address_bits, tile_bits, entry_bits))),
                "entry": In(stream.Signature(unsigned(address_bits))),
                "request": Out(stream.Signature(unsigned(address_bits))),
                "response": In(stream.Signature(word)),
                "o": Out(stream.Signature(lane_word(side, signed(ELEMENT_BITS)))),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a job to offering its last word, beyond one a word, if a read takes 1 or 2 cycles."""
        return latency.gather(self._side)

    def interval_cycles(self, *, entries, tiles):
        """Cycles from a job to the next, with its entries at hand and reads in time.

        One a word: P of every tile of every block of P entries.
        """
        return latency.queue_slots(entries, tiles, self._side)

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = QueueWalk(**self._walk_options)
        tag = data.StructLayout({"taken": 1, "ends_block": 1})
        m.submodules.tags = tags = StreamFifo(tag, depth=self._in_flight)
        m.submodules.transposer = transposer = Transposer(side=self._side, width=ELEMENT_BITS)
        connect(m, flipped(self.job), walk.job)
        connect(m, flipped(self.entry), walk.entry)
        connect(m, transposer.o, flipped(self.o))
        self._ask(m, walk.o, tags.i)
        self._answer(m, tags.o, transposer.i)
        return m

    def _ask(self, m, slot, tag):
        """A slot becomes a request, if it is taken, and a tag in either case: both or none."""
        m.d.comb += [
            self.request.valid.eq(slot.valid & slot.p.taken & tag.ready),
            self.request.payload.eq(slot.p.address),
            tag.valid.eq(slot.valid & (self.request.ready | ~slot.p.taken)),
            tag.p.taken.eq(slot.p.taken),
            tag.p.ends_block.eq(slot.p.ends_block),
            slot.ready.eq(tag.ready & (self.request.ready | ~slot.p.taken)),
        ]

    def _answer(self, m, tag, row):
        """The word of a row is the response to its request, or 0 where there was none."""
        m.d.comb += [
            row.valid.eq(tag.valid & (self.response.valid | ~tag.p.taken)),
            row.p.lanes.eq(Mux(tag.p.taken, Cat(self.response.payload), 0)),
            row.p.last.eq(tag.p.ends_block),
            tag.ready.eq(row.ready & (self.response.valid | ~tag.p.taken)),
            self.response.ready.eq(row.ready & tag.valid & tag.p.taken),
        ]
