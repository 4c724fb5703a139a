"""Lanes and experts behind one stream of instructions, with the same clients of the activation buffer."""

from amaranth.hdl import Module, Mux, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import TABLE_SLOTS
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.expert_unit import ExpertUnit
from vitaccel_rtl.accelerator.isa import COUNT, LANE, MOST_EXPERTS
from vitaccel_rtl.accelerator.lane_arithmetic import CODE_BITS
from vitaccel_rtl.accelerator.lane_operands import READ_CLIENTS
from vitaccel_rtl.accelerator.lane_results import WRITE_CLIENTS
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.row_moments import ASKING
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.slot_buffer import PHASE, read_client, write_client
from vitaccel_rtl.accelerator.vector_engine import VectorEngine
from vitaccel_rtl.formats import TABLE_ENTRIES

SET_REQUEST = ("start", "address", "count")
SET_ANSWER = ("valid", "word", "last")
TABLE = ("table_write", "table_address", "table_entry")
QUEUE = ("queue_write", "queue_slot", "queue_blocks")


class VectorUnit(wiring.Component):
    """A :class:`~vitaccel_rtl.accelerator.vector_engine.VectorEngine` and an `ExpertUnit`, of which one is at work.

    An instruction of the experts begins when all lane instructions before it are done, and ends before the next begins.

    Parameters
    ----------
    side, words, sets, parts, has_moments, table, entry_bits, centre
        Of the vector engine.
    router
        Of the expert unit.

    Attributes
    ----------
    i, done, phase, reads, writes, sets, table_write, table_address, table_entry
        Of both.
    asks, asked, there, moments
        Of the vector engine.
    queue_write, queue_slot, queue_blocks : Signal, out
        Of the expert unit.
    """

    def __init__(self, *, side, words, sets, router, parts=1, has_moments=False, **root):
        sizes = {"side": side, "words": words, "sets": sets, "parts": parts}
        self._has_moments = has_moments
        self._lanes = VectorEngine(**sizes, has_moments=has_moments, **root)
        self._experts = ExpertUnit(**sizes, router=router)
        lines = Parts(count=parts, words=words).words_of_all // latency.SLOTS
        super().__init__(
            {
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "phase": In(PHASE),
                "reads": Out(read_client(side, lines)).array(len(READ_CLIENTS)),
                "writes": Out(write_client(side, lines)).array(len(WRITE_CLIENTS)),
                "sets": Out(set_run(sets)),
                **(ASKING if has_moments else {}),
                "table_write": In(1),
                "table_address": In(range(TABLE_ENTRIES * TABLE_SLOTS)),
                "table_entry": In(signed(CODE_BITS)),
                "queue_write": Out(1),
                "queue_slot": Out(range(MOST_EXPERTS)),
                "queue_blocks": Out(COUNT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.lanes, m.submodules.experts = lanes, experts = self._lanes, self._experts
        is_lane = self.i.p.operation == LANE.code
        may_lanes, may_experts = is_lane & ~experts.busy, ~is_lane & lanes.rests
        m.d.comb += [
            lanes.i.p.eq(self.i.p),
            experts.i.p.eq(self.i.p),
            lanes.i.valid.eq(self.i.valid & may_lanes),
            experts.i.valid.eq(self.i.valid & may_experts),
            self.i.ready.eq(may_lanes & lanes.i.ready | may_experts & experts.i.ready),
            self.done.eq(lanes.done | experts.done),
            *(part.phase.eq(self.phase) for part in (lanes, experts)),
            *(getattr(lanes, name).eq(getattr(self, name)) for name in TABLE),
            *(getattr(self, name).eq(getattr(experts, name)) for name in QUEUE),
        ]
        if self._has_moments:
            m.d.comb += [getattr(self, name).eq(getattr(lanes, name)) for name in ("asks", "asked")]
            m.d.comb += [getattr(lanes, name).eq(getattr(self, name)) for name in ("there", "moments")]
        for name in SET_REQUEST:
            m.d.comb += getattr(self.sets, name).eq(
                Mux(experts.busy, getattr(experts.sets, name), getattr(lanes.sets, name))
            )
        for part in (lanes, experts):
            m.d.comb += [getattr(part.sets, name).eq(getattr(self.sets, name)) for name in SET_ANSWER]
        self._share(m, lanes, experts)
        return m

    def _share(self, m, lanes, experts):
        """Give clients to whoever asks: the one at work."""
        for ports, of_lanes, of_experts in (
            (self.reads, lanes.reads, experts.reads),
            (self.writes, lanes.writes, experts.writes),
        ):
            for place, (port, own) in enumerate(zip(ports, of_lanes, strict=True)):
                if place >= len(of_experts):
                    wiring.connect(m, own, wiring.flipped(port))
                    continue
                other = of_experts[place]
                m.d.comb += [
                    port.valid.eq(own.valid | other.valid),
                    port.line.eq(Mux(other.valid, other.line, own.line)),
                ]
                if ports is self.reads:
                    m.d.comb += [own.word.eq(port.word), other.word.eq(port.word)]
                else:
                    m.d.comb += port.word.eq(Mux(other.valid, other.word, own.word))
