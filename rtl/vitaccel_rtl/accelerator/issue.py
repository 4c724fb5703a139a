"""From the words of a program to instructions that engines accept: queues, fronts, tokens."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import issue_timing
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.dispatch import Dispatch, check_queued
from vitaccel_rtl.accelerator.fetch import WORD
from vitaccel_rtl.accelerator.front import Front
from vitaccel_rtl.accelerator.isa import COMPLETIONS, ENGINES
from vitaccel_rtl.accelerator.tokens import Tokens

IN_FLIGHT_BITS = 4
"""Of how many instructions an engine has accepted and not completed."""

PENDING_BITS = 8
"""Of how many it has been sent and not completed: those in its queue, in its front, and in flight."""


class Issue(wiring.Component):
    """Instructions to the four engines, each when all that it waits for has completed.

    Parameters
    ----------
    queued
        Instructions that fit the queue of an engine.

    Attributes
    ----------
    i : stream
        Of :data:`vitaccel_rtl.accelerator.fetch.WORD`.
    enable : Signal, in
        Whether instructions may be offered.
    engines : stream, one for each engine
        Of :data:`vitaccel_rtl.accelerator.decode.RAW`.
    done : Signal, in, one for each engine
        It completes the oldest instruction that it accepted: in the cycle after that or later, and not more than 15
        behind the one it accepted last.
    counts : Signal, out, one for each engine
        Instructions completed.
    in_engine, stands : Signal, out, one for each engine
        Whether an instruction is in the engine, from the cycle after its acceptance to that of its `done`; and whether
        one is complete in the front.
    is_unknown : Signal, out
        The next instruction has an operation that no engine has.
    none_pending : Signal, out
        Two cycles ago every instruction that had been sent to a queue was completed.

    Notes
    -----
    :mod:`vitaccel_rtl.accelerator.issue_timing` says when instructions are offered. A reset forgets them all; it comes
    when no instruction is in an engine.
    """

    def __init__(self, *, queued=issue_timing.QUEUED):
        check_queued(queued)
        self._queued = queued
        engines = len(ENGINES)
        super().__init__(
            {
                "i": In(stream.Signature(WORD)),
                "enable": In(1),
                "engines": Out(stream.Signature(RAW)).array(engines),
                "done": In(1).array(engines),
                "counts": Out(COMPLETIONS).array(engines),
                "in_engine": Out(1).array(engines),
                "stands": Out(1).array(engines),
                "is_unknown": Out(1),
                "none_pending": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dispatch = dispatch = Dispatch(queued=self._queued)
        m.submodules.tokens = tokens = Tokens()
        wiring.connect(m, wiring.flipped(self.i), dispatch.i)
        m.d.comb += self.is_unknown.eq(dispatch.is_unknown)
        completed = Signal(len(ENGINES))
        for place, name in enumerate(ENGINES):
            m.submodules[f"{name}_front"] = front = Front()
            wiring.connect(m, dispatch.o[place], front.i)
            wiring.connect(m, front.o, wiring.flipped(self.engines[place]))
            m.d.comb += [count.eq(total) for count, total in zip(front.counts, tokens.counts, strict=True)]
            done = self.done[place]
            in_flight = _balance(m, front.o.valid & front.o.ready, done, IN_FLIGHT_BITS, name=f"{name}_in_flight")
            pending = _balance(m, dispatch.enters[place], done, PENDING_BITS, name=f"{name}_pending")
            m.d.comb += [
                front.enable.eq(self.enable),
                tokens.done[place].eq(done),
                dispatch.leaves[place].eq(front.leaves),
                self.counts[place].eq(tokens.counts[place]),
                self.in_engine[place].eq(in_flight != 0),
                self.stands[place].eq(front.is_loaded),
            ]
            m.d.sync += completed[place].eq(pending == 0)
        m.d.comb += self.none_pending.eq(Cat(completed).all())
        return m


def _balance(m, more, fewer, bits, *, name):
    """Return how many more times *more* was high than *fewer*."""
    balance = Signal(bits, name=name)
    with m.If(more & ~fewer):
        m.d.sync += balance.eq(balance + 1)
    with m.Elif(fewer & ~more):
        m.d.sync += balance.eq(balance - 1)
    return balance
