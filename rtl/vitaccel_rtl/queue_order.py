"""The order of queues by length: the longest first, of equal ones that of the lower expert."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.topk import TopKLane


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
        Of the queue of *expert*, a cycle later.
    ready : Signal, out
        The order holds, from ``experts + 3`` cycles after *start*.
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
        m.submodules.lane = lane = TopKLane(k=shape.experts, expert_bits=shape.expert.width)
        is_last = self.expert == shape.experts - 1
        load, loads_last, enters_last = Signal(), Signal(), Signal()
        expert = Signal(shape.expert, reset_less=True)
        m.d.sync += [load.eq(self.running), loads_last.eq(self.running & is_last), expert.eq(self.expert)]
        m.d.sync += enters_last.eq(loads_last)
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), self.expert.eq(0)]
        with m.Elif(self.running):
            m.d.sync += [self.running.eq(~is_last), self.expert.eq(Mux(is_last, 0, self.expert + 1))]
        with m.If(self.forget):
            m.d.sync += self.ready.eq(0)
        with m.Elif(enters_last):
            m.d.sync += self.ready.eq(1)
        m.d.comb += [
            lane.advance.eq(1),
            lane.load.eq(load),
            lane.first.eq(expert == 0),
            lane.logit.eq(self.length),
            lane.expert.eq(expert),
            self.experts.eq(lane.experts),
        ]
        return m
