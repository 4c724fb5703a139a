"""Operand A of a matmul on several arrays: from the parts of the buffer by turns, the same word for all."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.parts import Turns
from vitaccel_rtl.latency import SLOTS


def shared_run(side):
    """Signature of a reader of one part: a run that it is told, and its words; ``word`` is that of all of them."""
    return wiring.Signature(
        {
            "start": Out(1),
            "address": Out(WORD_ADDRESS),
            "count": Out(COUNT),
            "valid": In(1),
            "own": In(8 * side),
            "word": Out(8 * side),
        }
    )


class SharedOperand(wiring.Component):
    """Channels of P tokens, which stand in the parts as :class:`~vitaccel_rtl.accelerator.parts.Turns` says.

    A reader of its part reads a turn at a time: whole frames, so that the words of one follow those of the other
    without a gap.

    Parameters
    ----------
    side
        P.
    parts
        Of the buffer, :class:`~vitaccel_rtl.accelerator.parts.Parts`.

    Attributes
    ----------
    phase : in
        Of the frame.
    start, address, depth : in
        A tile sets out, in phase 0: word 0 of A, in part 0, and K.
    runs : array of :func:`shared_run`, out
        Of the readers. Word i is at ``word`` as many cycles behind the start as if one reader had read it, plus i.
    """

    def __init__(self, *, side, parts):
        self._words, self._count = Turns(side, parts.count).words, parts.count
        super().__init__(
            {
                "phase": In(3),
                "start": In(1),
                "address": In(WORD_ADDRESS),
                "depth": In(COUNT),
                "runs": Out(shared_run(side)).array(parts.count),
            }
        )

    def elaborate(self, platform):
        m = Module()
        turn, count = self._words, self._count
        left, address = Signal(COUNT, reset_less=True), Signal(WORD_ADDRESS, reset_less=True)
        part, frame = Signal(range(count), reset_less=True), Signal(range(turn // SLOTS), reset_less=True)
        goes_on, begins, is_last_part = Signal(), Signal(), Signal()
        m.d.comb += [
            begins.eq(goes_on & (frame == 0) & (self.phase == 0)),
            is_last_part.eq(part == count - 1),
        ]
        with m.If(self.start):
            m.d.sync += [
                goes_on.eq(self.depth > turn),
                left.eq(self.depth - turn),
                address.eq(self.address),
                part.eq(1),
                frame.eq(0 if turn == SLOTS else 1),
            ]
        with m.Elif(self.phase == 0):
            m.d.sync += frame.eq(Mux(frame == turn // SLOTS - 1, 0, frame + 1))
            with m.If(begins):
                m.d.sync += [
                    goes_on.eq(left > turn),
                    left.eq(left - turn),
                    part.eq(Mux(is_last_part, 0, part + 1)),
                    address.eq(Mux(is_last_part, address + turn, address)),
                ]
        words = [Mux(run.valid, run.own, 0) for run in self.runs]
        word = words[0]
        for other in words[1:]:
            word = word | other
        for place, run in enumerate(self.runs):
            is_first = self.start if place == 0 else 0
            words_left = Mux(is_first, self.depth, left) if place == 0 else left
            m.d.comb += [
                run.start.eq(is_first | (begins & (part == place))),
                run.address.eq(Mux(is_first, self.address, address) if place == 0 else address),
                run.count.eq(Mux(words_left > turn, turn, words_left)),
                run.word.eq(word),
            ]
        return m
