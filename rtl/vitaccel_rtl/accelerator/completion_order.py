"""Completions in the order of the instructions, of parts that each finish theirs in order."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.fifo import StreamFifo


class CompletionOrder(wiring.Component):
    """Passes on what parts finish in the order in which they were given their jobs.

    With f_i the cycle in which job i is finished, its completion is told in cycle

        d_i = max(f_i, d_{i-1}) + 1

    Parameters
    ----------
    parts
        Parts that finish jobs.
    jobs
        Jobs, 3 or more, that may be under way.

    Attributes
    ----------
    i : stream
        ``part``: which one a job was given to. Told 2 cycles or more before the job is finished.
    finishes : Signal, in
        A bit of each part: it finished a job.
    done : Signal, out
        A job is completed.
    """

    def __init__(self, *, parts, jobs):
        self._parts = parts
        self._jobs = jobs
        self._layout = data.StructLayout({"part": range(parts)})
        super().__init__({"i": In(stream.Signature(self._layout)), "finishes": In(parts), "done": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.jobs = jobs = StreamFifo(self._layout, depth=self._jobs)
        wiring.connect(m, wiring.flipped(self.i), jobs.i)
        has_finished = []
        for part in range(self._parts):
            finished = Signal(range(self._jobs + 1), name=f"finished_{part}")
            passes = Signal(name=f"passes_{part}")
            m.d.comb += passes.eq(self.done & (jobs.o.p.part == part))
            m.d.sync += finished.eq(finished + self.finishes[part] - passes)
            has_finished.append(finished != 0)
        m.d.comb += [self.done.eq(jobs.o.valid & Array(has_finished)[jobs.o.p.part]), jobs.o.ready.eq(self.done)]
        return m
