"""Cycles of a run: all of them, and what each engine did in them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import ENGINES

HALF = 32
"""Bits of a counter, and of each half of the one of all cycles."""


class RunCounters(wiring.Component):
    """Counts the cycles in which *runs* is high: 64 bits of all of them, 32 bits of each of three kinds for an engine.

    Attributes
    ----------
    clear : Signal, in
        All counters are 0 in the next cycle.
    runs : Signal, in
        This cycle counts.
    in_engine, stands : Signal, in, one for each engine
        An instruction is in the engine; one stands before it, complete.
    cycles_low, cycles_high : Signal, out
        All cycles before this one. The higher half follows the lower one a cycle later.
    busy, waiting, idle : Signal, out, one for each engine
        Cycles with an instruction in the engine; with none in it and one that stands before it; the others.
    """

    def __init__(self):
        engines = len(ENGINES)
        super().__init__(
            {
                "clear": In(1),
                "runs": In(1),
                "in_engine": In(1).array(engines),
                "stands": In(1).array(engines),
                "cycles_low": Out(HALF),
                "cycles_high": Out(HALF),
                "busy": Out(HALF).array(engines),
                "waiting": Out(HALF).array(engines),
                "idle": Out(HALF).array(engines),
            }
        )

    def elaborate(self, platform):
        m = Module()
        carry = Signal()
        with m.If(self.runs):
            m.d.sync += self.cycles_low.eq(self.cycles_low + 1)
        m.d.sync += [carry.eq(self.runs & self.cycles_low.all()), self.cycles_high.eq(self.cycles_high + carry)]
        counters = [self.cycles_low, self.cycles_high, carry]
        for place in range(len(ENGINES)):
            in_engine, stands = self.in_engine[place], self.stands[place]
            kinds = {"busy": in_engine, "waiting": ~in_engine & stands, "idle": ~in_engine & ~stands}
            for kind, is_so in kinds.items():
                counter = getattr(self, kind)[place]
                counters.append(counter)
                with m.If(self.runs & is_so):
                    m.d.sync += counter.eq(counter + 1)
        with m.If(self.clear):
            m.d.sync += [counter.eq(0) for counter in counters]
        return m
