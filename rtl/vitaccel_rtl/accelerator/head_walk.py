"""Row-blocks of heads of frames, in order, with the addresses of what belongs to each."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS


def head_steps():
    """Layout of a start address and of how it moves: from row-block to row-block, head to head, frame to frame."""
    return data.StructLayout({"first": WORD_ADDRESS, "row": WORD_ADDRESS, "head": WORD_ADDRESS, "frame": WORD_ADDRESS})


class HeadWalk(wiring.Component):
    """Row-blocks innermost, then heads, then frames.

    Parameters
    ----------
    addresses
        How many addresses move along.

    Attributes
    ----------
    start : Signal, in
        The walk begins, with the counts and steps below, which stay as they are until it ends.
    row_blocks, heads, frames : in
        How many.
    steps : in
        For each address, of :func:`head_steps`.
    step : Signal, in
        To the next row-block.
    address : out
        For each, where the row-block's begins.
    is_last_row, is_last : Signal, out
        It is the last of its frame's head; the last of all.
    head : out
        Which head it is of.
    """

    def __init__(self, *, addresses):
        super().__init__(
            {
                "start": In(1),
                "row_blocks": In(COUNT),
                "heads": In(COUNT),
                "frames": In(COUNT),
                "steps": In(data.ArrayLayout(head_steps(), addresses)),
                "step": In(1),
                "address": Out(data.ArrayLayout(WORD_ADDRESS, addresses)),
                "is_last_row": Out(1),
                "is_last": Out(1),
                "head": Out(COUNT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        row, frame = Signal(COUNT, reset_less=True), Signal(COUNT, reset_less=True)
        head = Signal(COUNT, reset_less=True)
        is_last_head, is_last_frame = Signal(), Signal()
        m.d.comb += [
            self.is_last_row.eq(row == self.row_blocks - 1),
            is_last_head.eq(head == self.heads - 1),
            is_last_frame.eq(frame == self.frames - 1),
            self.is_last.eq(self.is_last_row & is_last_head & is_last_frame),
            self.head.eq(head),
        ]
        with m.If(self.start):
            m.d.sync += [row.eq(0), head.eq(0), frame.eq(0)]
        with m.Elif(self.step):
            m.d.sync += row.eq(row + 1)
            with m.If(self.is_last_row):
                m.d.sync += [row.eq(0), head.eq(head + 1)]
                with m.If(is_last_head):
                    m.d.sync += [head.eq(0), frame.eq(frame + 1)]
        for place, (address, moves) in enumerate(zip(self.address, self.steps, strict=True)):
            of_row, of_head, of_frame = (
                Signal(WORD_ADDRESS, name=f"{name}{place}", reset_less=True)
                for name in ("row_at", "head_at", "frame_at")
            )
            m.d.comb += address.eq(of_row)
            with m.If(self.start):
                m.d.sync += [of_row.eq(moves.first), of_head.eq(moves.first), of_frame.eq(moves.first)]
            with m.Elif(self.step & self.is_last_row & is_last_head):
                following = of_frame + moves.frame
                m.d.sync += [of_row.eq(following), of_head.eq(following), of_frame.eq(following)]
            with m.Elif(self.step & self.is_last_row):
                m.d.sync += [of_row.eq(of_head + moves.head), of_head.eq(of_head + moves.head)]
            with m.Elif(self.step):
                m.d.sync += of_row.eq(of_row + moves.row)
        return m
