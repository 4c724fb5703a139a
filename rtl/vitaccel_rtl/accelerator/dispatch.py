"""Every instruction to the queue of its engine, in the order of the program."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator import issue_timing
from vitaccel_rtl.accelerator.fetch import WORD
from vitaccel_rtl.accelerator.isa import BY_CODE, ENGINES, OPERATION
from vitaccel_rtl.accelerator.issue_timing import INSTRUCTION_WORDS
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.stream import check_range


def check_queued(queued):
    """Raise a ValueError of one sentence if no queue can have room for so many instructions."""
    check_range("instructions of a queue", queued, 1, 64)


class Dispatch(wiring.Component):
    """Four queues of whole instructions, and what fills them.

    An instruction goes to the queue of its operation's engine when that has room for all of it, and waits, with all
    that come after it, when it has not.

    Parameters
    ----------
    queued
        Instructions that fit each queue, 1 to 64. One that is being taken is in the queue until its last word is.

    Attributes
    ----------
    i : stream
        Of :data:`vitaccel_rtl.accelerator.fetch.WORD`.
    o : stream, one for each engine
        The words of its instructions, 16 each.
    leaves : Signal, in, one for each engine
        The last word of an instruction is accepted from its queue in this cycle.
    enters : Signal, out, one for each engine
        The first word of an instruction goes to its queue in this cycle.
    is_unknown : Signal, out
        The instruction that comes next has an operation that no engine has; it stays so until a reset.

    Notes
    -----
    An instruction whose first word is offered in cycle f, the one before it handed on in cycle e, has its first word
    accepted in cycle

        ``c = max(max(f, e + 1) + 1, room + 2)``

    where *room* is the cycle of ``leaves`` that makes room if there was none. The others, if offered in time, follow in
    the 15 cycles after it; then the instruction is complete in its queue, which offers each of its words
    ``STREAM_FIFO`` cycles after that was accepted, or behind those before it.

    Raises
    ------
    ValueError
        If *queued* is out of its range.
    """

    def __init__(self, *, queued=issue_timing.QUEUED):
        check_queued(queued)
        self._queued = queued
        engines = len(ENGINES)
        super().__init__(
            {
                "i": In(stream.Signature(WORD)),
                "o": Out(stream.Signature(WORD["data"].shape)).array(engines),
                "leaves": In(1).array(engines),
                "enters": Out(1).array(engines),
                "is_unknown": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        has_room = self._queues(m)
        target = Signal(len(ENGINES))
        goes_on = Signal()
        begun = Signal()
        fits = Signal()
        begins = self.i.valid & self.i.ready & ~begun
        m.d.comb += [
            self.i.ready.eq(goes_on & (begun | fits)),
            Cat(self.enters).eq(target & begins.replicate(len(ENGINES))),
        ]
        operation = self.i.p.data[: OPERATION.bits]
        with m.If(~goes_on):
            codes = [[code for code, known in BY_CODE.items() if known.engine == engine] for engine in ENGINES]
            engine = Cat(operation.matches(*own) for own in codes)
            m.d.sync += [target.eq(engine), fits.eq((engine & has_room).any())]
            with m.If(self.i.valid):
                m.d.sync += [goes_on.eq(operation.matches(*BY_CODE)), self.is_unknown.eq(~operation.matches(*BY_CODE))]
        with m.Else():
            m.d.sync += fits.eq((target & has_room).any())
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [begun.eq(~self.i.p.last), goes_on.eq(~self.i.p.last)]
        for place, queue in enumerate(self._inputs):
            m.d.comb += [
                queue.payload.eq(self.i.p.data),
                queue.valid.eq(self.i.valid & self.i.ready & target[place]),
            ]
        return m

    def _queues(self, m):
        """Build the queues and return which of them have room for an instruction: registers."""
        has_room = Signal(len(ENGINES), init=(1 << len(ENGINES)) - 1)
        self._inputs = []
        for place, engine in enumerate(ENGINES):
            queue = StreamFifo(WORD["data"].shape, depth=self._queued * INSTRUCTION_WORDS)
            m.submodules[engine] = queue
            wiring.connect(m, queue.o, wiring.flipped(self.o[place]))
            self._inputs.append(queue.i)
            held = Signal(range(self._queued + 1), name=f"{engine}_held")
            with m.If(self.enters[place] & ~self.leaves[place]):
                m.d.sync += [held.eq(held + 1), has_room[place].eq(held != self._queued - 1)]
            with m.Elif(self.leaves[place] & ~self.enters[place]):
                m.d.sync += [held.eq(held - 1), has_room[place].eq(1)]
        return has_room
