"""Logits that are used again: tile by tile they are transposed and written to the activation buffer."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import WORD_ADDRESS
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.accelerator.slot_buffer import write_client
from vitaccel_rtl.accelerator.tile import LANE_COUNT
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.transposer import Transposer

CLIENTS = (5, 6)
"""Of the activation buffer's writers: low bytes, high bytes."""


def place_layout():
    """Layout of where a tile goes: ``low`` and ``high``, the first words of both planes, and how many ``words``."""
    return data.StructLayout({"low": WORD_ADDRESS, "high": WORD_ADDRESS, "words": LANE_COUNT})


class KeptLogits(wiring.Component):
    """Takes tiles of P words, a key each with a query a lane, and writes words of a query with a key a lane.

    Parameters
    ----------
    side, words
        P, and words of the buffer.

    Attributes
    ----------
    phase : in
        Of the frame.
    valid, lanes, last : in
        Words of a tile, one a cycle; the P-th is its last.
    place : in
        With the first of them.
    writes : array of write clients, out
        Of the activation buffer: :data:`CLIENTS`.
    """

    def __init__(self, *, side, words):
        self._side, self._words = side, words
        super().__init__(
            {
                "phase": In(3),
                "valid": In(1),
                "lanes": In(data.ArrayLayout(signed(LOGIT_BITS), side)),
                "last": In(1),
                "place": In(place_layout()),
                "writes": Out(write_client(side, words // SLOTS)).array(len(CLIENTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.transposer = transposer = Transposer(side=self._side, width=LOGIT_BITS)
        m.submodules.places = places = TileQueue(place_layout())
        starts, leaves = Signal(init=1), Signal(init=1)
        turned = transposer.o
        with m.If(self.valid):
            m.d.sync += starts.eq(self.last)
        with m.If(turned.valid):
            m.d.sync += leaves.eq(turned.p.last)
        m.d.comb += [
            transposer.i.valid.eq(self.valid),
            transposer.i.p.lanes.eq(self.lanes),
            transposer.i.p.last.eq(self.last),
            turned.ready.eq(1),
            places.push.eq(self.valid & starts),
            places.word.eq(self.place),
            places.pop.eq(turned.valid & turned.p.last),
        ]
        for plane, client in enumerate(CLIENTS):
            writer = RunWriter(side=self._side, words=self._words, client=client)
            m.submodules[f"plane{plane}"] = writer
            wiring.connect(m, writer.memory, wiring.flipped(self.writes[plane]))
            m.d.comb += [
                writer.phase.eq(self.phase),
                writer.start.eq(turned.valid & leaves),
                writer.address.eq(places.head.high if plane else places.head.low),
                writer.count.eq(places.head.words),
            ]
            for lane, logit in enumerate(turned.p.lanes):
                m.d.comb += writer.word[8 * lane : 8 * lane + 8].eq(logit[8 * plane : 8 * plane + 8])
        return m
