"""Where the words of a row-block are, frame by frame: what is read and what becomes of it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.isa import COUNT, LANE, WORD_ADDRESS
from vitaccel_rtl.accelerator.lane_words import FETCH, FUNCTION, LANE_NUMBER, LANES, OUT, walk_registers
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.slot_buffer import PHASE


class RowWalk(wiring.Component):
    """Goes through a row-block in frames of 8 words and less, and from there to the next.

    With results by rows the words of a tile of P channels fill whole frames of their own, and those beyond the last
    channel are zero. With a second operand of int16 every other frame only reads low bytes of b, as both bytes of it
    come from one client; the others read their high bytes and everything else. So it is where tokens move by lanes:
    then b is what stands where the result is written, and the frame before also reads operand a of the row-block whose
    tokens move into this one from above.

    With several parts of the buffer a frame's words are of one of them; behind a turn's last they are in the next part.

    Parameters
    ----------
    side
        P.
    parts
        Of the buffer, :class:`~vitaccel_rtl.accelerator.parts.Parts`.

    Attributes
    ----------
    phase, job, loads, begins, moments, parity, last
        Of :class:`~vitaccel_rtl.accelerator.row_times.RowTimes`.
    fetch : Signal, out
        :data:`~vitaccel_rtl.accelerator.lane_words.FETCH`: all counts are 0 where nothing is read.
    has_words : Signal, out
        Words of this frame go through the lanes.
    lanes : Signal, out
        :data:`~vitaccel_rtl.accelerator.lane_words.LANES`.
    ends_tile : Signal, out
        Words of this frame are results, and the last of them ends a tile of results by rows.
    writes : Signal, out
        Words of this frame are results that are written as they are.
    out : Signal, out
        :data:`~vitaccel_rtl.accelerator.lane_words.OUT`.

    Outputs hold for a frame, from phase 0 to phase 7.
    """

    def __init__(self, *, side, parts):
        self._side = side
        self._places = places = PartWalk(parts=parts, side=side)
        # Frames of a turn whose tiles have frames of their own, as results by rows do.
        self._tile_frames = places.turn_tiles * -(-side // latency.SLOTS) if parts.count > 1 else 1
        self._frames = max(places.positions, self._tile_frames)
        super().__init__(
            {
                "phase": In(PHASE),
                "job": In(instruction_layout(LANE)),
                "loads": In(1),
                "begins": In(1),
                "moments": In(1),
                "parity": In(1),
                "last": In(1),
                "fetch": Out(FETCH),
                "has_words": Out(1),
                "lanes": Out(LANES),
                "ends_tile": Out(1),
                "writes": Out(1),
                "out": Out(OUT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words = walk_registers(self._frames, self._places.turn_tiles)
        self._begin(m, words)
        self._measure(m, words)
        with m.If(self.phase == 7):
            self._order(m, words)
            self._advance(m, words)
        return m

    def _begin(self, m, words):
        """Go to the first word of a row-block."""
        job = self.job
        next_a = {kind: Signal(WORD_ADDRESS, name=f"next_a_{kind}", reset_less=True) for kind in ("moments", "normal")}
        next_b, next_out = (Signal(WORD_ADDRESS, name=name, reset_less=True) for name in ("next_b", "next_out"))
        with m.If(self.loads):
            m.d.sync += [*(address.eq(job.a) for address in next_a.values()), next_b.eq(job.b), next_out.eq(job.out)]
        by_rows = Signal()
        m.d.comb += by_rows.eq(job.by_rows & ~self.moments)
        with m.If((self.phase == 5) & self.begins):
            m.d.sync += [
                words.moving.eq(1),
                words.moments.eq(self.moments),
                words.parity.eq(self.parity),
                words.first.eq(1),
                words.second.eq(0),
                words.left.eq(job.channels),
                words.tile_left.eq(Mux(by_rows, self._side, job.channels)),
                words.tiles_left.eq(Mux(by_rows, job.tiles, 1)),
                words.tokens.eq(Mux(self.last, job.last_rows, self._side)),
                words.a.eq(Mux(self.moments, next_a["moments"], next_a["normal"])),
                words.b.eq(next_b),
                words.sets.eq(job.sets + (job.function == FUNCTION["layernorm"])),
                words.out.eq(next_out),
            ]
            if self._frames > 1:
                m.d.sync += [words.a_frame.eq(0), words.b_frame.eq(job.b_frame)]
                m.d.sync += [words.out_frame.eq(job.out_frame), words.out_tile.eq(0)]
            with m.If(self.moments):
                m.d.sync += next_a["moments"].eq(next_a["moments"] + job.a_step)
            with m.Else():
                m.d.sync += [
                    next_a["normal"].eq(next_a["normal"] + job.a_step),
                    next_b.eq(next_b + job.b_step),
                    next_out.eq(next_out + job.out_step),
                ]
        self._begin_lanes(m, words)

    def _begin_lanes(self, m, words):
        """Find which lanes of a row-block get tokens, where they move by lanes."""
        job = self.job
        down = Mux(job.moves_up, 0, job.shift)
        next_skip = Signal(LANE_NUMBER, reset_less=True)
        tokens_left = Signal(COUNT + 1, reset_less=True)
        with m.If(self.loads):
            m.d.sync += [next_skip.eq(down), tokens_left.eq(job.tokens + down)]
        with m.If((self.phase == 5) & self.begins):
            m.d.sync += [
                next_skip.eq(0),
                tokens_left.eq(tokens_left - self._side),
                words.skip.eq(next_skip),
                words.fill.eq(Mux(tokens_left > self._side, self._side, tokens_left)),
            ]

    def _measure(self, m, words):
        """Find at phase 6 how many words the next frame has, and its addresses that are sums."""
        job = self.job
        moves = job.shift.any()
        before, behind = moves & ~words.second & ~job.moves_up, moves & words.second & job.moves_up
        count = Mux(words.tile_left > latency.SLOTS, latency.SLOTS, words.tile_left)
        with m.If(self.phase == 6):
            m.d.sync += [
                words.count.eq(count),
                words.real.eq(Mux(words.left > count, count, words.left)),
                words.ends_tile.eq(words.tile_left <= latency.SLOTS),
                words.ends.eq(words.left <= count),
                words.has_pair.eq(moves | job.has_b & job.a_is_wide),
                words.a_here.eq(Mux(before, words.a - job.a_step, words.a + Mux(behind, job.a_step, 0))),
                words.b_here.eq(words.b + Mux(words.second, job.b_plane, 0)),
                words.out_high.eq(words.out + job.out_plane),
            ]

    def _order(self, m, words):
        """Say what the next frame does."""
        job = self.job
        moves, reads_low, own_sets = Signal(), Signal(), Signal()
        function = job.function
        of_channels = (function == FUNCTION["convert"]) | (function == FUNCTION["layernorm"]) & ~words.moments
        of_one = ((function == FUNCTION["add"]) | (function == FUNCTION["mul"])) & ~job.has_b
        has_words = words.moving & ~reads_low
        results = has_words & ~words.moments
        is_zero = function == FUNCTION["zero"]
        m.d.comb += [
            moves.eq(job.shift.any()),
            reads_low.eq(words.has_pair & ~words.second),
            own_sets.eq(of_channels | of_one),
        ]
        m.d.sync += [
            self.has_words.eq(has_words),
            self.writes.eq(results & ~job.by_rows),
            self.ends_tile.eq(results & job.by_rows & words.ends_tile),
            self.fetch.a.eq(words.a_here),
            self.fetch.a_high.eq(words.a_here + job.a_plane),
            self.fetch.a_count.eq(Mux((has_words | words.moving & moves) & ~is_zero, words.real, 0)),
            self.fetch.b.eq(words.b_here),
            self.fetch.b_count.eq(Mux(words.moving & (job.has_b | moves), words.real, 0)),
            self.fetch.sets.eq(words.sets),
            self.fetch.sets_count.eq(Mux(has_words & own_sets, words.real, 0)),
            self.lanes.function.eq(function),
            self.lanes.is_wide.eq(job.is_wide),
            self.lanes.a_is_wide.eq(job.a_is_wide),
            self.lanes.b_is_pair.eq(words.has_pair),
            self.lanes.moves.eq(moves),
            self.lanes.turn.eq(Mux(job.moves_up & moves, self._side - job.shift, job.shift)),
            self.lanes.skip.eq(words.skip),
            self.lanes.fill.eq(words.fill),
            self.lanes.has_b.eq(job.has_b),
            self.lanes.own_sets.eq(own_sets),
            self.lanes.table.eq(job.table),
            self.lanes.moments.eq(words.moments),
            self.lanes.parity.eq(words.parity),
            self.lanes.first.eq(words.first),
            self.lanes.ends.eq(words.ends),
            self.lanes.count.eq(words.count),
            self.lanes.real.eq(Mux(is_zero, 0, words.real)),
            self.lanes.channels.eq(job.channels),
            self.lanes.by_rows.eq(job.by_rows & ~words.moments),
            self.out.low.eq(words.out),
            self.out.high.eq(words.out_high),
            self.out.is_wide.eq(job.is_wide),
            self.out.count.eq(words.count),
            self.out.tokens.eq(words.tokens),
        ]

    def _advance(self, m, words):
        """Go on behind the next frame."""
        job, places = self.job, self._places
        last = Mux(job.by_rows & ~words.moments, self._tile_frames - 1, places.positions - 1)
        with m.If(words.moving & words.has_pair & ~words.second):
            m.d.sync += words.second.eq(1)
        with m.Elif(words.moving):
            m.d.sync += [
                words.second.eq(0),
                words.first.eq(0),
                words.left.eq(words.left - words.real),
                words.a.eq(places.behind(words.a, words.a_frame, words.real, last=last)),
                words.b.eq(places.behind(words.b, words.b_frame, words.real, last=last)),
                words.sets.eq(words.sets + words.real),
                words.tile_left.eq(words.tile_left - words.count),
            ]
            with m.If(~job.by_rows):
                m.d.sync += words.out.eq(places.behind(words.out, words.out_frame, words.count))
            if self._frames > 1:
                for frame in (words.a_frame, words.b_frame, words.out_frame):
                    m.d.sync += frame.eq(places.position_behind(frame, last=last))
            with m.If(words.ends_tile):
                m.d.sync += [
                    words.moving.eq(words.tiles_left != 1),
                    words.tiles_left.eq(words.tiles_left - 1),
                    words.tile_left.eq(self._side),
                ]
                with m.If(job.by_rows):
                    next_tile = places.next_tile(words.out, job.out_tile_step, words.out_tile)
                    m.d.sync += [words.out.eq(next_tile), words.out_tile.eq(words.out_tile + 1)]
