"""The order of attention: logits of a row-block and a head, and its values one row-block behind."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.buffer_formats import SETS_OF_HEAD
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.head_walk import HeadWalk
from vitaccel_rtl.accelerator.isa import ATTENTION, COUNT, FRAMES, WORD_ADDRESS
from vitaccel_rtl.accelerator.tile import keep, tile_layout

LOGITS, VALUES = 0, 1


class AttentionNest(wiring.Component):
    """Sends tiles: those of the logits of a row-block, and those of its values when its statistics are there.

    With two row-blocks in flight the order is L(0), L(1), V(0), L(2), V(1), ..., so that the statistics of one are made
    while the array multiplies for the other; with one it is L(0), V(0), L(1), ....

    Parameters
    ----------
    side
        P.
    arrays
        How many work on a tile each at a time, with parameter sets that follow each other.

    Attributes
    ----------
    start, instruction, step, tile, interval, is_last, result
        As of :class:`vitaccel_rtl.accelerator.matmul_nest.MatMulNest`; the fields are those of
        :data:`vitaccel_rtl.accelerator.isa.ATTENTION`.
    frame : Signal, in
        A frame has gone by.
    must_wait : Signal, out
        The tile's statistics are not there yet.
    """

    def __init__(self, *, side, arrays=1):
        self._side, self._arrays = side, arrays
        super().__init__(
            {
                "start": In(1),
                "instruction": In(instruction_layout(ATTENTION)),
                "step": In(1),
                "frame": In(1),
                "tile": Out(tile_layout()),
                "interval": Out(FRAMES),
                "is_last": Out(1),
                "result": Out(FRAMES),
                "must_wait": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kept = Signal(instruction_layout(ATTENTION), reset_less=True)
        given = Mux(self.start, self.instruction.as_value(), kept.as_value())
        at_hand = Signal.like(kept)
        m.d.comb += at_hand.as_value().eq(given)
        with m.If(self.start):
            m.d.sync += kept.eq(self.instruction)
        m.submodules.logits = logits = HeadWalk(addresses=3)
        m.submodules.values = values = HeadWalk(addresses=2)
        for walk in (logits, values):
            m.d.comb += [
                walk.start.eq(self.start),
                walk.row_blocks.eq(kept.row_blocks),
                walk.heads.eq(kept.heads),
                walk.frames.eq(kept.frames),
            ]
        self._moves(m, logits, at_hand, ("q", "k", "logits"), has_rows=(True, False, False))
        m.d.comb += logits.steps[2].row.eq(self._side)
        self._moves(m, values, at_hand, ("out", "v"), has_rows=(True, False))

        phase = Signal()  # LOGITS or VALUES: what the tile is of
        tile = Signal(COUNT, reset_less=True)
        ahead = Signal(2)  # row-blocks whose logits were sent and whose values were not
        logits_done = Signal()
        is_last_tile = Signal()
        m.d.comb += is_last_tile.eq(tile == Mux(phase == LOGITS, kept.key_blocks, kept.value_tiles) - 1)
        ends = Signal()
        m.d.comb += [
            ends.eq(self.step & is_last_tile),
            logits.step.eq(ends & (phase == LOGITS)),
            values.step.eq(ends & (phase == VALUES)),
        ]
        room = Mux(kept.one_in_flight, 1, 2)
        with m.If(self.start):
            m.d.sync += [phase.eq(LOGITS), tile.eq(0), ahead.eq(0), logits_done.eq(0)]
        with m.Elif(ends & (phase == LOGITS)):
            m.d.sync += [
                tile.eq(0),
                ahead.eq(ahead + 1),
                logits_done.eq(logits.is_last),
                phase.eq(Mux((ahead + 1 == room) | logits.is_last, VALUES, LOGITS)),
            ]
        with m.Elif(ends):
            m.d.sync += [tile.eq(0), ahead.eq(ahead - 1), phase.eq(Mux(logits_done, VALUES, LOGITS))]
        with m.Elif(self.step):
            m.d.sync += tile.eq(tile + 1)
        slots = self._wait_for_statistics(m, kept, phase, ends, values)
        self._send(m, kept, phase, tile, is_last_tile, slots, logits, values)
        m.d.comb += [self.is_last.eq((phase == VALUES) & is_last_tile & values.is_last), self.result.eq(kept.result)]
        return m

    def _moves(self, m, walk, fields, names, *, has_rows):
        for steps, name, moves_by_rows in zip(walk.steps, names, has_rows, strict=True):
            m.d.comb += [
                steps.first.eq(fields[name]),
                *([steps.row.eq(fields[f"{name}_step"])] if moves_by_rows else []),
                steps.head.eq(fields[f"{name}_head"]),
                steps.frame.eq(fields[f"{name}_frame"]),
            ]

    def _wait_for_statistics(self, m, kept, phase, ends, values):
        """Count the frames since the last logits of either slot; return the slots of the two kinds of tiles."""
        slot_of_logits, slot_of_values = Signal(), Signal()
        waits = []
        for slot in range(2):
            left = Signal(FRAMES, name=f"frames_to_statistics{slot}", reset_less=True)
            is_due = Signal(name=f"statistics_due{slot}")
            with m.If(ends & (phase == LOGITS) & (slot_of_logits == slot)):
                m.d.sync += [left.eq(kept.statistics), is_due.eq(0)]
            with m.Elif(self.frame & ~is_due):
                m.d.sync += [left.eq(left - 1), is_due.eq(left == 1)]
            waits.append(~is_due)
        # They go on from instruction to instruction, as the statistics do.
        with m.If(ends):
            m.d.sync += [
                slot_of_logits.eq(slot_of_logits ^ (phase == LOGITS)),
                slot_of_values.eq(slot_of_values ^ (phase == VALUES)),
            ]
        m.d.comb += self.must_wait.eq((phase == VALUES) & Mux(slot_of_values, waits[1], waits[0]))
        return slot_of_logits, slot_of_values

    def _send(self, m, kept, phase, tile, is_last_tile, slots, logits, values):
        """The tile at hand; what moves from tile to tile is added up."""
        slot_of_logits, slot_of_values = slots
        k_at, v_at, key, channel, kept_at = (
            Signal(WORD_ADDRESS, name=name, reset_less=True) for name in ("k_at", "v_at", "key", "channel", "kept_at")
        )
        with m.If(self.start | (self.step & is_last_tile)):
            m.d.sync += [at.eq(0) for at in (k_at, v_at, key, channel, kept_at)]
        with m.Elif(self.step):
            m.d.sync += [
                k_at.eq(k_at + kept.k_step),
                v_at.eq(v_at + kept.v_step),
                kept_at.eq(kept_at + kept.logits_step),
                key.eq(key + self._side),
                channel.eq(channel + self._side),
            ]
        # Two rows of logits: the second behind the keys of the first, unless there is one only.
        bases = [Mux(slot & ~kept.one_in_flight, kept.keys, 0) for slot in slots]
        is_values = Signal()
        m.d.comb += is_values.eq(phase == VALUES)
        operands, drain, side = self.tile.operands, self.tile.drain, Const(self._side, COUNT)
        last_words = Mux(is_values, kept.last_channels, kept.last_keys)
        sets = logits.head * (SETS_OF_HEAD * self._arrays)
        values = [
            (operands.a, Mux(is_values, bases[1], logits.address[0])),
            (operands.b, Mux(is_values, values.address[1] + v_at, logits.address[1] + k_at)),
            (operands.depth, Mux(is_values, kept.keys, kept.head_dim)),
            (operands.from_logits, is_values),
            (operands.slot, slot_of_values),
            (operands.b_is_activation, 1),
            (operands.by_rows, is_values & kept.by_rows),
            (drain.out, Mux(is_values, values.address[0] + channel, bases[0] + key)),
            (drain.plane, kept.out_plane),
            (drain.words, Mux(is_last_tile, last_words, side)),
            (drain.is_wide, kept.is_wide),
            (drain.by_rows, is_values & kept.by_rows),
            (drain.is_logits, ~is_values),
            (drain.has_one_set, ~is_values),
            (drain.keeps, ~is_values & kept.keeps_logits),
            (drain.kept, logits.address[2] + kept_at),
            (drain.kept_plane, kept.logits_plane),
            (drain.kept_words, Mux(logits.is_last_row, kept.last_rows, side)),
            (drain.ends_row, is_last_tile),
            (drain.is_values, is_values),
            (drain.slot, Mux(is_values, slot_of_values, slot_of_logits)),
            (self.tile.sets, kept.sets + sets),
            (self.tile.sets_count, Mux(~is_values & (tile == 0), 2, 0)),
        ]
        keep(m, values)
        m.d.comb += [
            self.interval.eq(Mux(is_values, kept.values_interval, kept.logits_interval)),
        ]
