"""The order of queues by length: the longest first, of equal ones that of the lower expert."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.queue_memory import LOOK_STAGES
from vitaccel_rtl.stream import Stages
from vitaccel_rtl.topk import TopKLane

ORDER_STAGES = LOOK_STAGES + latency.TOPK
"""From the length of a queue that is asked for to its place in the order: registers beside the lane, which compares
twice, and then moves."""


class QueueOrder(wiring.Component):
    """Sorts the experts by insertion, one a cycle: the best of all of them, as top-k does it for the best k.

    Parameters
    ----------
    shape
        :class:`vitaccel_rtl.queue_memory.QueueShape`.

    Attributes
    ----------
    forget : Signal, in
        The order no longer holds.
    start : Signal, in
        All choices are appended after this cycle.
    running : Signal, out
        The lengths of queues are being read, that of *expert* in this cycle.
    expert : Signal, out
    length : Signal, in
        Of the queue of *expert*, two cycles later.
    ready : Signal, out
        The order holds, from ``experts + 6`` cycles after *start*.
    experts : Signal, out
        By rank.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__(
            {
                "forget": In(1),
                "start": In(1),
                "running": Out(1),
                "expert": Out(shape.expert),
                "length": In(shape.length),
                "ready": Out(1),
                "experts": Out(data.ArrayLayout(shape.expert, shape.experts)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape = self._shape
        sizes = {"expert_bits": shape.expert.width, "logit_bits": shape.length.width + 1}
        m.submodules.lane = lane = TopKLane(k=shape.experts, **sizes)
        is_last = self.expert == shape.experts - 1
        loads, ends = Signal(LOOK_STAGES + 2), Signal(ORDER_STAGES)
        length = Signal(shape.length, reset_less=True)
        expert = Stages(m, 1).delay(self.expert, LOOK_STAGES + 2, name="expert")
        m.d.sync += [loads.eq(Cat(self.running, loads[:-1])), length.eq(self.length)]
        m.d.sync += ends.eq(Cat(self.running & is_last, ends[:-1]))
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), self.expert.eq(0)]
        with m.Elif(self.running):
            m.d.sync += [self.running.eq(~is_last), self.expert.eq(Mux(is_last, 0, self.expert + 1))]
        with m.If(self.forget):
            m.d.sync += [self.ready.eq(0), ends.eq(0)]
        with m.Elif(ends[-1]):
            m.d.sync += self.ready.eq(1)
        m.d.comb += [
            lane.advance.eq(1),
            lane.load.eq(loads[-1]),
            lane.first.eq(expert == 0),
            lane.logit.eq(length),
            lane.expert.eq(expert),
            self.experts.eq(lane.experts),
        ]
        return m
