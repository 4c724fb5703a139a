"""When results are there: one `done` for each instruction, in their order, at most one a frame."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import FRAMES
from vitaccel_rtl.accelerator.tile_queue import DEPTH, TileQueue

DONE_PHASE = 4
"""Of the frame before that in which a result is there: what waits for it can start in the latter."""


class Completions(wiring.Component):
    """Counts frames, and says `done` for what is due.

    Attributes
    ----------
    phase : in
        Of the frame.
    push : Signal, in
        The last piece of an instruction's work sets out in this frame; in phase 0.
    result : in
        Frames until its result is there, 2 or more.
    done : Signal, out
        In phase 4 of the frame before: that of a result is ``max(frame + result, that of the one before + 1)``.
    idle : Signal, out
        All that were pushed are done.
    """

    def __init__(self):
        super().__init__({"phase": In(3), "push": In(1), "result": In(FRAMES), "done": Out(1), "idle": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.due = due = TileQueue(FRAMES)
        now, waiting = Signal(FRAMES), Signal(range(DEPTH + 1))
        left = Signal(FRAMES)
        is_due = Signal()
        with m.If(self.phase == 7):
            m.d.sync += now.eq(now + 1)
        m.d.comb += [
            due.push.eq(self.push),
            due.word.eq(now + self.result - 1),
            left.eq(due.head - now),
            self.done.eq(is_due),
            due.pop.eq(is_due),
            self.idle.eq(waiting == 0),
        ]
        # Whether the first is due is looked at once a frame; a time that has passed has its highest bit set.
        m.d.sync += [
            is_due.eq((self.phase == DONE_PHASE - 1) & (waiting != 0) & ((left == 0) | left[-1])),
            waiting.eq(waiting + self.push - is_due),
        ]
        return m
