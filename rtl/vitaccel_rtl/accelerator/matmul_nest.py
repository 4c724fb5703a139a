"""The loops of a matmul: tiles of columns outermost, row-blocks within."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.isa import FRAMES, MATMUL
from vitaccel_rtl.accelerator.parts import Turns
from vitaccel_rtl.accelerator.tile import keep, tile_layout


class MatMulNest(wiring.Component):
    """Sends one tile after another, each when its time has come.

    Parameters
    ----------
    side
        P.
    arrays
        How many work on a tile each at a time, with parameter sets that follow each other.
    takes_moments
        Whether there are matmuls whose rows' moments are taken.

    Attributes
    ----------
    start, instruction : in
        A pulse, and the fields of :data:`vitaccel_rtl.accelerator.isa.MATMUL` with it.
    step : Signal, in
        A tile is sent; the next one stands at ``tile`` two cycles later.
    tile : out
        Of :func:`vitaccel_rtl.accelerator.tile.tile_layout`.
    interval : out
        Frames from this tile to the next.
    is_last : Signal, out
        It is the last one.
    result : out
        Frames from the last tile to its result.
    """

    def __init__(self, *, side, arrays=1, takes_moments=False):
        self._side, self._arrays, self._takes_moments = side, arrays, takes_moments
        super().__init__(
            {
                "start": In(1),
                "instruction": In(instruction_layout(MATMUL)),
                "step": In(1),
                "tile": Out(tile_layout()),
                "interval": Out(FRAMES),
                "is_last": Out(1),
                "result": Out(FRAMES),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kept = Signal(instruction_layout(MATMUL), reset_less=True)
        row, column = Signal(range(1 << 16), reset_less=True), Signal(range(1 << 16), reset_less=True)
        a, b, out, out_column, residual, residual_column, sets = (
            Signal.like(kept.out, name=name, reset_less=True)
            for name in ("a", "b", "out", "out_column", "residual", "residual_column", "sets")
        )
        ends_column, is_last_column = Signal(), Signal()
        m.d.comb += [ends_column.eq(row == kept.row_blocks - 1), is_last_column.eq(column == kept.n_tiles - 1)]
        given = self.instruction
        with m.If(self.start):
            m.d.sync += [
                kept.eq(given),
                row.eq(0),
                column.eq(0),
                a.eq(given.a),
                b.eq(given.b),
                out.eq(given.out),
                out_column.eq(given.out),
                residual.eq(given.residual),
                residual_column.eq(given.residual),
                sets.eq(given.sets),
            ]
        with m.Elif(self.step & ends_column):
            m.d.sync += [
                row.eq(0),
                column.eq(column + 1),
                a.eq(kept.a),
                b.eq(b + kept.b_step),
                out.eq(out_column + kept.out_tile_step),
                out_column.eq(out_column + kept.out_tile_step),
                residual.eq(residual_column + kept.residual_tile_step),
                residual_column.eq(residual_column + kept.residual_tile_step),
                sets.eq(sets + self._to_next_columns(column)),
            ]
        with m.Elif(self.step):
            m.d.sync += [
                row.eq(row + 1),
                a.eq(a + kept.a_step),
                out.eq(out + kept.out_step),
                residual.eq(residual + kept.residual_step),
            ]
        begins_column = row == 0
        operands, drain = self.tile.operands, self.tile.drain
        # Sums are made here, not on the way to the buffers: a tile stands for a frame or longer.
        values = [
            (operands.a, a),
            (operands.b, b),
            (operands.depth, kept.depth),
            (operands.b_is_activation, kept.b_is_activation),
            (operands.by_rows, kept.by_rows),
            (operands.a_is_shared, int(self._arrays > 1)),
            (drain.out, out),
            (drain.plane, kept.out_plane),
            (drain.words, Mux(kept.by_rows & ends_column, kept.last_rows, self._side)),
            (drain.is_wide, kept.is_wide),
            (drain.has_residual, kept.has_residual),
            (drain.has_table, kept.has_table),
            (drain.table, kept.table),
            (drain.by_rows, kept.by_rows),
            (drain.takes_sets, begins_column),
            (self.tile.residual, residual),
            (self.tile.residual_plane, kept.residual_plane),
            (self.tile.sets, sets),
            (self.tile.sets_count, Mux(begins_column & kept.b_is_activation, self._side, 0)),
            (self.tile.weight_sets, begins_column & ~kept.b_is_activation),
        ]
        keep(m, values + self._moments(m, kept, row, column, ends_column))
        m.d.comb += [
            self.interval.eq(Mux(begins_column, kept.first_interval, kept.interval)),
            self.is_last.eq(ends_column & is_last_column),
            self.result.eq(kept.result),
        ]
        return m

    def _to_next_columns(self, column):
        """Return the columns from those of the first array's tile to those of its next one, in another turn or not."""
        turns = Turns(self._side, self._arrays)
        if self._arrays == 1 or turns.tiles == 1:
            return self._side * self._arrays
        ends_turn = column[: turns.tile_bits] == turns.tiles - 1
        return Mux(ends_turn, turns.words * (self._arrays - 1) + self._side, self._side)

    def _moments(self, m, kept, row, column, ends_column):
        """Return what a tile says of its rows' moments, of which there are none in a machine that takes none."""
        if not self._takes_moments:
            return []
        drain, columns = self.tile.drain, self._to_next_columns(column)
        left, begun = Signal.like(kept.moments_channels, name="columns_left", reset_less=True), Signal(reset_less=True)
        with m.If(self.start):
            m.d.sync += [left.eq(self.instruction.moments_channels), begun.eq(self.instruction.begins_moments)]
        with m.Elif(self.step & ends_column):
            m.d.sync += [left.eq(Mux(left > columns, left - columns, 0)), begun.eq(0)]
        return [
            (drain.takes_moments, kept.takes_moments),
            (drain.begins_moments, begun),
            (drain.moments, kept.moments + row),
            (drain.moments_channels, left),
        ]
