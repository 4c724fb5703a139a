"""Before an engine: one instruction, complete, that waits for what it needs."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.isa import COMMON_PLACES, COMPLETIONS, ENGINES, OPERATION, WAITS
from vitaccel_rtl.accelerator.issue_timing import BEAT_BYTES, INSTRUCTION_WORDS

_WORD_BITS = 8 * BEAT_BYTES


class Front(wiring.Component):
    """Takes an instruction from its queue, word by word, and offers it once all that it waits for has completed.

    Attributes
    ----------
    i : stream
        The 16 words of 64 bits of an instruction, and so on; they go nowhere but to registers, as they come from a
        block RAM.
    counts : Signal, in, one for each engine
        Instructions that have completed.
    enable : Signal, in
        Whether anything may be offered: an instruction that was is withdrawn when it falls.
    o : stream
        Of :data:`vitaccel_rtl.accelerator.decode.RAW`.
    is_loaded : Signal, out
        An instruction is complete here.
    leaves : Signal, out
        The last word of an instruction is taken from the queue.

    Notes
    -----
    A completion that is pulsed in cycle t, and so counted in t + 1, lets an instruction be accepted in t + 2. The next
    one is offered ``interval_cycles`` after an acceptance, if it is in the queue and need not wait.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(_WORD_BITS)),
                "counts": In(COMPLETIONS).array(len(ENGINES)),
                "enable": In(1),
                "o": Out(stream.Signature(RAW)),
                "is_loaded": Out(1),
                "leaves": Out(1),
            }
        )

    @property
    def interval_cycles(self):
        """Cycles from accepting an instruction to offering the next."""
        return latency.FRONT

    def elaborate(self, platform):
        m = Module()
        bits = Cat(self._words(m))
        met = Signal(len(WAITS))
        for place, (field, word, low) in enumerate(row for row in COMMON_PLACES if row[0] in WAITS):
            m.d.sync += met[place].eq(self.counts[place] >= bits[32 * word + low :][: field.bits])
        m.d.comb += [
            self.o.p.operation.eq(bits[: OPERATION.bits]),
            self.o.p.words.eq(bits),
            self.o.valid.eq(self.is_loaded & met.all() & self.enable),
        ]
        return m

    def _words(self, m):
        """Load the words, one a cycle, each into a register of its own behind one for all: block RAMs are far away."""
        place = Signal(INSTRUCTION_WORDS, init=1)
        words = [Signal(_WORD_BITS, name=f"word_{n}", reset_less=True) for n in range(INSTRUCTION_WORDS)]
        arrived = Signal(_WORD_BITS, reset_less=True)
        arrives = Signal(INSTRUCTION_WORDS)
        is_full = Signal()
        takes = self.i.valid & self.i.ready
        m.d.comb += [self.i.ready.eq(~is_full), self.leaves.eq(takes & place[-1])]
        m.d.sync += [arrived.eq(self.i.payload), arrives.eq(place & takes.replicate(INSTRUCTION_WORDS))]
        with m.If(takes):
            m.d.sync += place.eq(place.rotate_left(1))
        for is_here, word in zip(arrives, words, strict=True):
            with m.If(is_here):
                m.d.sync += word.eq(arrived)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [is_full.eq(0), self.is_loaded.eq(0)]
        with m.Else():
            m.d.sync += [is_full.eq(is_full | self.leaves), self.is_loaded.eq(is_full)]
        return words
