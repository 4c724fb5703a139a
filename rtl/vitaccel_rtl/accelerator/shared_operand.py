"""Operand A of a matmul on several arrays: tile by tile from the parts of the buffer in turn, the same word for all."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.part_walk import check_tiles
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
    """Channels of P tokens: tile t, P of them, stands in part ``t % count``, ``t // count`` times P words further.

    A reader of its part reads a tile at a time; as P is a multiple of 8, each begins a frame, and the words of one
    follow those of the other without a gap.

    Parameters
    ----------
    side
        P, a multiple of 8.
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

    Raises
    ------
    ValueError
        If P is no multiple of 8.
    """

    def __init__(self, *, side, parts):
        check_tiles(parts, side)
        self._side, self._count = side, parts.count
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
        side, count = self._side, self._count
        left, address = Signal(COUNT, reset_less=True), Signal(WORD_ADDRESS, reset_less=True)
        part, frame = Signal(range(count), reset_less=True), Signal(range(side // SLOTS), reset_less=True)
        goes_on, begins, is_last_part = Signal(), Signal(), Signal()
        m.d.comb += [
            begins.eq(goes_on & (frame == 0) & (self.phase == 0)),
            is_last_part.eq(part == count - 1),
        ]
        with m.If(self.start):
            m.d.sync += [
                goes_on.eq(self.depth > side),
                left.eq(self.depth - side),
                address.eq(self.address),
                part.eq(1),
                frame.eq(0 if side == SLOTS else 1),
            ]
        with m.Elif(self.phase == 0):
            m.d.sync += frame.eq(Mux(frame == side // SLOTS - 1, 0, frame + 1))
            with m.If(begins):
                m.d.sync += [
                    goes_on.eq(left > side),
                    left.eq(left - side),
                    part.eq(Mux(is_last_part, 0, part + 1)),
                    address.eq(Mux(is_last_part, address + side, address)),
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
                run.count.eq(Mux(words_left > side, side, words_left)),
                run.word.eq(word),
            ]
        return m
