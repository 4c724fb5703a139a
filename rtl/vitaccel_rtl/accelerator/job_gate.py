"""When an engine may take an instruction: at the beginning of a frame, while it has less than so many under way."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range


def check_jobs(jobs):
    """Raise a ValueError of one sentence unless an engine can have so many jobs under way."""
    check_range("jobs of an engine", jobs, 3, 256)


class JobGate(wiring.Component):
    """Counts the instructions that an engine has begun and not completed.

    Parameters
    ----------
    jobs
        Instructions that may be under way at a time, 3 to 256.

    Attributes
    ----------
    phase : Signal, in
        Of the frame.
    begins, completes : Signal, in
        An instruction is accepted, one is completed; the place of the latter is free in the next cycle.
    opens : Signal, out
        An instruction may be accepted: the phase is 0 and a place is free. A register: the phase before is 7, or there
        was a reset.

    Raises
    ------
    ValueError
        If *jobs* is out of its range.
    """

    def __init__(self, *, jobs):
        check_jobs(jobs)
        self._jobs = jobs
        super().__init__({"phase": In(3), "begins": In(1), "completes": In(1), "opens": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        under_way = Signal(range(self._jobs + 1))
        m.d.sync += [
            under_way.eq(under_way + self.begins - self.completes),
            # Nothing begins in phase 7.
            self.opens.eq((self.phase == latency.SLOTS - 1) & ((under_way != self._jobs) | self.completes)),
        ]
        return m
