"""The loops of attention with kept logits: key by query, summed over queries, in two digits of a probability."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.buffer_formats import SETS_OF_HEAD
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.head_walk import HeadWalk
from vitaccel_rtl.accelerator.isa import ATTENTION, COUNT, FRAMES, WORD_ADDRESS
from vitaccel_rtl.accelerator.tile import keep, tile_layout


class TransposedNest(wiring.Component):
    """Sends the digits of the tiles of row-blocks of keys, of heads, of frames.

    Of the instruction, ``logits*`` are where logits are kept, ``keys`` is how many queries a word sums over, and
    ``q_head`` and ``q_frame`` are entries of kept statistics from a head, and a frame, to the next.

    Parameters
    ----------
    side
        P.
    arrays
        How many work on a tile each at a time, with parameter sets that follow each other.

    Attributes
    ----------
    start, instruction, step, tile, interval, is_last, result
        As of :class:`vitaccel_rtl.accelerator.matmul_nest.MatMulNest`; a step is a digit.
    """

    def __init__(self, *, side, arrays=1):
        self._side, self._arrays = side, arrays
        super().__init__(
            {
                "start": In(1),
                "instruction": In(instruction_layout(ATTENTION)),
                "step": In(1),
                "tile": Out(tile_layout()),
                "interval": Out(FRAMES),
                "is_last": Out(1),
                "result": Out(FRAMES),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kept = Signal(instruction_layout(ATTENTION), reset_less=True)
        at_hand = Signal.like(kept, name="at_hand")
        m.d.comb += at_hand.eq(Mux(self.start, self.instruction.as_value(), kept.as_value()))
        with m.If(self.start):
            m.d.sync += kept.eq(self.instruction)
        m.submodules.walk = walk = HeadWalk(addresses=4)
        for steps, name in zip(walk.steps, ("logits", "out", "v", "q"), strict=True):
            m.d.comb += [
                steps.first.eq(at_hand[name] if name != "q" else 0),
                steps.row.eq(at_hand[f"{name}_step"] if name in ("logits", "out") else 0),
                steps.head.eq(at_hand[f"{name}_head"]),
                steps.frame.eq(at_hand[f"{name}_frame"]),
            ]
        is_low_digit, tile = Signal(), Signal(COUNT, reset_less=True)
        v_at, channel = (Signal(WORD_ADDRESS, name=name, reset_less=True) for name in ("v_at", "channel"))
        is_last_tile = Signal()
        m.d.comb += [
            is_last_tile.eq(tile == kept.value_tiles - 1),
            walk.start.eq(self.start),
            walk.row_blocks.eq(kept.row_blocks),
            walk.heads.eq(kept.heads),
            walk.frames.eq(kept.frames),
            walk.step.eq(self.step & is_low_digit & is_last_tile),
            self.is_last.eq(is_low_digit & is_last_tile & walk.is_last),
            self.interval.eq(Mux(is_low_digit, kept.values_interval, kept.logits_interval)),
            self.result.eq(kept.result),
        ]
        with m.If(self.start):
            m.d.sync += is_low_digit.eq(0)
        with m.Elif(self.step):
            m.d.sync += is_low_digit.eq(~is_low_digit)
        with m.If(self.start | walk.step):
            m.d.sync += [tile.eq(0), v_at.eq(0), channel.eq(0)]
        with m.Elif(self.step & is_low_digit):
            m.d.sync += [tile.eq(tile + 1), v_at.eq(v_at + kept.v_step), channel.eq(channel + self._side)]
        operands, drain = self.tile.operands, self.tile.drain
        values = [
            (operands.a, walk.address[0]),
            (operands.plane, kept.logits_plane),
            (operands.b, walk.address[2] + v_at),
            (operands.depth, kept.keys),
            (operands.from_logits, 1),
            (operands.from_kept, 1),
            (operands.statistics, walk.address[3]),
            (operands.is_low_digit, is_low_digit),
            (operands.b_is_activation, 1),
            (drain.out, walk.address[1] + channel),
            (drain.plane, kept.out_plane),
            (drain.words, Mux(is_last_tile, kept.last_channels, self._side)),
            (drain.is_wide, kept.is_wide),
            (drain.has_one_set, 1),
            (drain.ends_row, 1),
            (self.tile.sets, kept.sets + walk.head * (SETS_OF_HEAD * self._arrays) + 1),
            (self.tile.sets_count, is_low_digit),
        ]
        keep(m, values)
        return m
