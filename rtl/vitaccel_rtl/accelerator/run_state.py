"""Whether a program runs, and how the last one ended."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.control_map import ERROR_BITS


class RunState(wiring.Component):
    """At rest, running, or stopping: nothing is started any more, and what was is completed.

    Attributes
    ----------
    start, stop : Signal, in
        Commands. ``start`` does nothing unless at rest, ``stop`` wins over it. Both forget an error.
    fails, code : Signal, in
        Something is wrong, and what; of a run only the first counts.
    is_over : Signal, in
        All instructions of the program have completed.
    is_quiet : Signal, in
        Nothing is in an engine, and no memory owes an answer to the fetch.
    starts : Signal, out
        The run begins in the next cycle, its cycle 0; everything that belongs to a run is reset in this one.
    runs, stops : Signal, out
        A program is running; what an end before its time has left is awaited. Registers.
    done, error : Signal, out
        The last run came to its end; it had this error. Registers.
    ends, breaks : Signal, out
        For a cycle: a run comes to its end; an error is found.
    """

    def __init__(self):
        commands = {name: In(1) for name in ("start", "stop", "fails", "is_over", "is_quiet")}
        states = {name: Out(1) for name in ("starts", "runs", "stops", "done", "ends", "breaks")}
        super().__init__({**commands, "code": In(ERROR_BITS), **states, "error": Out(ERROR_BITS)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.starts.eq(self.start & ~self.stop & ~self.runs & ~self.stops),
            self.breaks.eq(self.runs & self.fails),
            self.ends.eq(self.runs & self.is_over & ~self.fails & ~self.stop),
        ]
        with m.If(self.starts | self.stop):
            m.d.sync += [self.done.eq(0), self.error.eq(0)]
        with m.Elif(self.breaks):
            m.d.sync += self.error.eq(self.code)
        with m.Elif(self.ends):
            m.d.sync += self.done.eq(1)
        early = self.runs & (self.fails | self.stop)
        with m.If(self.starts):
            m.d.sync += self.runs.eq(1)
        with m.Elif(early | self.ends):
            m.d.sync += [self.runs.eq(0), self.stops.eq(early)]
        with m.Elif(self.stops & self.is_quiet):
            m.d.sync += self.stops.eq(0)
        return m
