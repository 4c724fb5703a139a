"""Results of the lanes on their way into the activation buffer: as they are, or a tile by rows."""

from amaranth.hdl import Cat, Module, Mux, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import BYTE
from vitaccel_rtl.accelerator.frame_delay import FrameDelay
from vitaccel_rtl.accelerator.lane_arithmetic import CODE_BITS
from vitaccel_rtl.accelerator.lane_words import OUT
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.accelerator.slot_buffer import PHASE, write_client
from vitaccel_rtl.transposer import Transposer

WRITE_CLIENTS = (2, 3)
"""Low and high bytes."""


class LaneResults(wiring.Component):
    """Writes runs of a frame's words, or turns tiles of P words into P words of a token each and writes those.

    Word i of a frame that begins at t0 is at the input at ``t0 + words_after + i``. A tile's last word is ``(P - 1) %
    8`` of the frame that ends it; its first token is written ``TRANSPOSER`` cycles after it.

    Parameters
    ----------
    side, words
        Of the buffer.
    words_after
        Cycles from a frame to its first word.

    Attributes
    ----------
    phase : Signal, in
        Of the buffer.
    writes, ends_tile, out : Signal, in
        During the frame: its words are written as they are; the last of them ends a tile; where to
        (:data:`~vitaccel_rtl.accelerator.lane_words.OUT`).
    word : Signal, in
        P codes of 16 bits.
    turns : Signal, in
        The word is one of a tile by rows.
    clients : array of write clients, out
        :data:`WRITE_CLIENTS` of the buffer.
    """

    def __init__(self, *, side, words, words_after):
        self._side = side
        self._words = words
        self._words_after = words_after
        super().__init__(
            {
                "phase": In(PHASE),
                "writes": In(1),
                "ends_tile": In(1),
                "out": In(OUT),
                "word": In(data.ArrayLayout(signed(CODE_BITS), side)),
                "turns": In(1),
                "clients": Out(write_client(side, words // latency.SLOTS)).array(len(WRITE_CLIENTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.transposer = transposer = Transposer(side=self._side, width=CODE_BITS)
        m.d.comb += [
            transposer.i.valid.eq(self.turns),
            transposer.i.p.lanes.eq(self.word),
            transposer.i.p.last.eq(0),
            transposer.o.ready.eq(1),
        ]
        m.submodules.as_they_are = straight = FrameDelay(OUT, cycles=self._words_after)
        turned_after = self._words_after + (self._side - 1) % latency.SLOTS + latency.TRANSPOSER
        m.submodules.by_rows = by_rows = FrameDelay(OUT, cycles=turned_after)
        m.d.comb += [
            straight.valid.eq(self.writes),
            by_rows.valid.eq(self.ends_tile),
            *(delay.phase.eq(self.phase) for delay in (straight, by_rows)),
            *(delay.i.eq(self.out) for delay in (straight, by_rows)),
        ]
        starts = straight.start | by_rows.start
        count = Mux(by_rows.start, by_rows.o.tokens, straight.o.count)
        is_wide = Mux(by_rows.start, by_rows.o.is_wide, straight.o.is_wide)
        codes = [
            Mux(transposer.o.valid, turned, word) for turned, word in zip(transposer.o.p.lanes, self.word, strict=True)
        ]
        for place, plane in enumerate(("low", "high")):
            writer = RunWriter(side=self._side, words=self._words, client=WRITE_CLIENTS[place])
            m.submodules[f"writer_{plane}"] = writer
            wiring.connect(m, writer.memory, wiring.flipped(self.clients[place]))
            m.d.comb += [
                writer.phase.eq(self.phase),
                writer.start.eq(starts & is_wide if place else starts),
                writer.address.eq(Mux(by_rows.start, by_rows.o[plane], straight.o[plane])),
                writer.count.eq(count),
                writer.word.eq(Cat(code[BYTE * place : BYTE * (place + 1)] for code in codes)),
            ]
        return m
