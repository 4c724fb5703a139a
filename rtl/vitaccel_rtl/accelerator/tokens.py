"""How many instructions each engine has completed: what instructions wait for."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COMPLETIONS, ENGINES


class Tokens(wiring.Component):
    """Counts the completions of every engine.

    Attributes
    ----------
    clear : Signal, in
        All counts are 0 in the next cycle.
    done : Signal, in, one for each engine
        An instruction of it completes in this cycle.
    counts : Signal, out, one for each engine
        24 bits; registers: a completion is counted in the next cycle. They start again at 0 after 16,777,215.
    """

    def __init__(self):
        engines = len(ENGINES)
        super().__init__({"clear": In(1), "done": In(1).array(engines), "counts": Out(COMPLETIONS).array(engines)})

    def elaborate(self, platform):
        m = Module()
        for done, count in zip(self.done, self.counts, strict=True):
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(done):
                m.d.sync += count.eq(count + 1)
        return m
