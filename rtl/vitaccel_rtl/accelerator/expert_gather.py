"""Gathering on chip: a queue's tokens, a word a frame, into row-blocks of the activation buffer."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.expert_ports import expert_reads, expert_writes
from vitaccel_rtl.accelerator.expert_times import TO_DONE
from vitaccel_rtl.accelerator.isa import COUNT, GATHER, WORD_ADDRESS
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.slot_buffer import PHASE
from vitaccel_rtl.gather import Gather

IN_FLIGHT = latency.READ_RUN + 4
"""Lanes that are under way: one a cycle where they have no entry, and those wait for the read before them."""


class ExpertGather(wiring.Component):
    """Runs `vitaccel_rtl.gather.Gather` on a slot buffer: wherever a token stands, its word takes a frame.

    Parameters
    ----------
    side
        P.
    parts
        Of the buffer, :class:`~vitaccel_rtl.accelerator.parts.Parts`: tiles stand in them by turns.

    Attributes
    ----------
    phase : Signal, in
        Of the buffer.
    start, job, length : in
        A pulse; the instruction and the entries of its queue, 1 or more, which hold until *finished*.
    entry : stream
        Tokens of the queue.
    reads, writes : out
        Of :mod:`~vitaccel_rtl.accelerator.expert_ports`.
    finished : Signal, out
        A pulse when the instruction is done.
    """

    def __init__(self, *, side, parts):
        self._side = side
        self._places = PartWalk(parts=parts, side=side)
        super().__init__(
            {
                "phase": In(PHASE),
                "start": In(1),
                "job": In(instruction_layout(GATHER)),
                "length": In(COUNT),
                "entry": In(stream.Signature(WORD_ADDRESS)),
                "reads": Out(expert_reads(side)),
                "writes": Out(expert_writes(side)),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job = self.job
        m.submodules.gather = gather = Gather(
            side=self._side,
            address_bits=WORD_ADDRESS,
            tile_bits=COUNT,
            next_tile=self._places.next_tile,
            in_flight=IN_FLIGHT,
        )
        wiring.connect(m, wiring.flipped(self.entry), gather.entry)
        asked = Signal()
        # What the walk offers at the beginning of a frame is read in it.
        m.d.comb += [
            gather.job.valid.eq(asked),
            gather.job.p.address.eq(job.a),
            gather.job.p.step.eq(job.a_step),
            gather.job.p.tiles.eq(job.tiles),
            gather.job.p.entries.eq(self.length),
            gather.request.ready.eq(self.phase == 0),
            self.reads.fetch.low.eq(gather.request.payload),
            self.reads.fetch.count.eq(gather.request.valid),
            gather.response.valid.eq(self.reads.valid),
            Cat(gather.response.payload).eq(self.reads.low),
            gather.o.ready.eq(1),
        ]
        with m.If(self.start):
            m.d.sync += asked.eq(1)
        with m.Elif(gather.job.ready):
            m.d.sync += asked.eq(0)
        self._write(m, gather.o)
        return m

    def _write(self, m, words):
        """Write the P words of a tile behind those of the tile before, and go to the next row-block behind the last."""
        job = self.job
        place = Signal(range(self._side), reset_less=True)
        tile = Signal(range(self._places.turn_tiles), reset_less=True)
        tiles_left, left = Signal(COUNT, reset_less=True), Signal(COUNT, reset_less=True)
        out, block = Signal(WORD_ADDRESS, reset_less=True), Signal(WORD_ADDRESS, reset_less=True)
        ends_tile, is_last_tile, ends = Signal(), Signal(), Signal()
        m.d.comb += [
            ends_tile.eq(words.valid & (place == self._side - 1)),
            is_last_tile.eq(tiles_left == 1),
            ends.eq(ends_tile & is_last_tile & (left <= self._side)),
            self.writes.start.eq(words.valid & (place == 0)),
            self.writes.run.low.eq(out),
            self.writes.run.count.eq(Mux(is_last_tile, job.last_channels, self._side)),
            self.writes.low.eq(words.p.lanes),
        ]
        with m.If(words.valid):
            m.d.sync += place.eq(place + 1)
        with m.If(ends_tile):
            m.d.sync += [
                place.eq(0),
                tile.eq(tile + 1),
                tiles_left.eq(tiles_left - 1),
                out.eq(self._places.next_tile(out, self._side, tile)),
            ]
            with m.If(is_last_tile):
                m.d.sync += [
                    tile.eq(0),
                    tiles_left.eq(job.tiles),
                    left.eq(left - self._side),
                    out.eq(block + job.out_step),
                    block.eq(block + job.out_step),
                ]
        with m.If(self.start):
            m.d.sync += [
                place.eq(0),
                tile.eq(0),
                tiles_left.eq(job.tiles),
                left.eq(self.length),
                out.eq(job.out),
                block.eq(job.out),
            ]
        m.d.comb += self.finished.eq(later(m, ends, TO_DONE, name="ends"))
