"""What becomes of the sums of a tile: bias, requantization, table; then to the buffer, or to the softmax as logits."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import TABLE_SLOTS
from vitaccel_rtl.accelerator.isa import WORD_ADDRESS
from vitaccel_rtl.accelerator.kept_logits import place_layout
from vitaccel_rtl.accelerator.logit_rows import factor_layout
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.row_moments import moments_port
from vitaccel_rtl.accelerator.tile import LANE_COUNT, drain_layout
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.activation import Activation
from vitaccel_rtl.fixed_point import FACTOR_BITS
from vitaccel_rtl.formats import TABLE_ENTRIES, TABLE_INPUT_BITS
from vitaccel_rtl.requantize import OFFSET_BITS, RESIDUAL_BITS, SHIFT_BITS, Requantize

SUM_BITS = 32
RESULT_BITS = 16


class Epilogue(wiring.Component):
    """P lanes behind the array, a word a cycle, never stalled.

    Which set a word is requantized with: by columns, word j is column j, and takes set j in all lanes; by rows, lane c
    is column c, and takes set c. Normalized values take the factor of their row, the other way round.

    Parameters
    ----------
    side
        P.
    keeps_logits
        Whether there are tiles whose logits are kept.
    takes_moments
        Whether there are tiles whose rows' moments are taken.

    Attributes
    ----------
    drain : in
        Of the tile that leaves the array; :func:`vitaccel_rtl.accelerator.tile.drain_layout`.
    valid, lanes, last : in
        A word of sums of the tile; the P-th is its last.
    sets, one_set, factors : in
        Of the columns, of tiles that have one for all lanes, and of the rows of both slots.
    residual : in
        P int16 a cycle behind each word of a tile with a residual; ``residual_taken`` then.
    result_start, result_address, result_high, result_words, result_is_wide, result : out
        A run of results: the pulse comes with the first word of every tile that is no logits. ``result_high`` is where
        its high bytes go.
    logits_valid, logits, logits_address, logits_end_row : out
        Logits, of valid keys only.
    keeps, kept_last, kept_place : out
        With ``logits``, of all P keys of a tile whose logits are kept: whether they are, which are the tile's last, and
        where they go (:func:`vitaccel_rtl.accelerator.kept_logits.place_layout`).
    moments : out
        With *takes_moments*: results of 16 bits whose rows' moments are taken, :func:`moments_port`.
    table_* : in
        An entry of an activation table.
    """

    def __init__(self, *, side, keeps_logits=False, takes_moments=False):
        self._side = side
        self._keeps, self._takes_moments = keeps_logits, takes_moments
        lanes = data.ArrayLayout(signed(RESULT_BITS), side)
        factors = data.ArrayLayout(data.ArrayLayout(factor_layout(), side), 2)
        super().__init__(
            {
                "drain": In(drain_layout(takes_moments=takes_moments)),
                "valid": In(1),
                "lanes": In(data.ArrayLayout(signed(SUM_BITS), side)),
                "last": In(1),
                "sets": In(data.ArrayLayout(PARAMETER_SET, side)),
                "one_set": In(PARAMETER_SET),
                "factors": In(factors),
                "residual": In(data.ArrayLayout(signed(RESIDUAL_BITS), side)),
                "residual_taken": Out(1),
                "result_start": Out(1),
                "result_address": Out(WORD_ADDRESS),
                "result_high": Out(WORD_ADDRESS),
                "result_words": Out(LANE_COUNT),
                "result_is_wide": Out(1),
                "result": Out(lanes),
                "logits_valid": Out(1),
                "logits": Out(lanes),
                "logits_address": Out(WORD_ADDRESS),
                "logits_end_row": Out(1),
                "keeps": Out(1),
                "kept_last": Out(1),
                "kept_place": Out(place_layout()),
                **({"moments": Out(moments_port(side))} if takes_moments else {}),
                "table_write": In(1),
                "table_address": In(range(TABLE_ENTRIES * TABLE_SLOTS)),
                "table_entry": In(signed(RESULT_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        starts, number = self._place_in_tile(m, self.valid, self.last, "sum")
        m.submodules.requantize = requantize = Requantize(
            lanes=self._side, acc_bits=SUM_BITS + 1, bits=RESULT_BITS, has_offset=False, per_lane=True
        )
        self._scale(m, number, requantize)
        m.submodules.drains = drains = TileQueue(drain_layout(takes_moments=self._takes_moments))
        coded = requantize.o
        m.d.comb += [
            drains.push.eq(self.valid & starts),
            drains.word.eq(self.drain),
            drains.pop.eq(coded.valid & coded.p.last),
            coded.ready.eq(1),
        ]
        starts, number = self._place_in_tile(m, coded.valid, coded.p.last, "code")
        drain = drains.head
        key = Signal(LANE_COUNT, name="key")
        m.d.comb += [
            key.eq(number),
            self.logits_valid.eq(coded.valid & drain.is_logits & (key < drain.words)),
            self.logits.eq(coded.p.lanes),
            self.logits_address.eq(drain.out + key),
            self.logits_end_row.eq(drain.ends_row & (key == drain.words - 1)),
        ]
        if self._keeps:
            m.d.comb += [
                self.keeps.eq(coded.valid & drain.is_logits & drain.keeps),
                self.kept_last.eq(coded.p.last),
                self.kept_place.low.eq(drain.kept),
                self.kept_place.high.eq(drain.kept + drain.kept_plane),
                self.kept_place.words.eq(drain.kept_words),
            ]
        if self._takes_moments:
            m.d.comb += [
                self.moments.valid.eq(coded.valid & ~drain.is_logits & drain.takes_moments),
                self.moments.starts.eq(starts),
                self.moments.last.eq(coded.p.last),
                self.moments.number.eq(number),
                self.moments.lanes.eq(coded.p.lanes),
                self.moments.block.eq(drain.moments),
                self.moments.begins.eq(drain.begins_moments),
                self.moments.channels.eq(drain.moments_channels),
            ]
        self._finish(m, coded, drain, coded.valid & starts & ~drain.is_logits)
        return m

    def _place_in_tile(self, m, valid, last, name):
        """Return whether a word is the first of its tile, and its number."""
        number = Signal(range(self._side), name=f"{name}_number")
        with m.If(valid):
            m.d.sync += number.eq(Mux(last, 0, number + 1))
        return number == 0, number

    def _scale(self, m, number, requantize):
        """Choose multiplier, shift and offset of each lane, then add the offset: a cycle each."""
        drain = self.drain
        factors = Mux(drain.slot, self.factors[1].as_value(), self.factors[0].as_value())
        factor = data.View(self.factors[0].shape(), factors)
        by_word = Signal()  # the same for all lanes of a word
        m.d.comb += by_word.eq(drain.is_values == drain.by_rows)
        # Chosen once, not in every lane.
        set_of_word, factor_of_word = Signal(PARAMETER_SET), Signal(factor_layout())
        m.d.comb += [
            set_of_word.as_value().eq(Array(of.as_value() for of in self.sets)[number]),
            factor_of_word.as_value().eq(Array(of.as_value() for of in factor)[number]),
        ]
        valid, last, is_narrow, has_residual = (
            Signal(name=f"chosen_{n}") for n in ("valid", "last", "narrow", "residual")
        )
        m.d.sync += [
            valid.eq(self.valid),
            last.eq(self.last),
            is_narrow.eq(~drain.is_logits & (~drain.is_wide | drain.has_table)),
            has_residual.eq(drain.has_residual),
        ]
        later = {name: Signal(name=f"biased_{name}") for name in ("valid", "last", "narrow")}
        m.d.sync += [later["valid"].eq(valid), later["last"].eq(last), later["narrow"].eq(is_narrow)]
        word = requantize.i.p
        m.d.comb += [
            requantize.i.valid.eq(later["valid"]),
            word.last.eq(later["last"]),
            word.narrow.eq(later["narrow"]),
            self.residual_taken.eq(valid & has_residual),
        ]
        for lane in range(self._side):
            of_word = {name: getattr(self.one_set, name) for name in ("multiplier", "shift", "offset")}
            chosen = {}
            for name, shape in (
                ("multiplier", signed(FACTOR_BITS)),
                ("shift", unsigned(SHIFT_BITS)),
                ("offset", signed(OFFSET_BITS)),
            ):
                mine, words = getattr(self.sets[lane], name), getattr(set_of_word, name)
                if name == "offset":
                    value = Mux(drain.has_one_set | drain.is_values, 0, Mux(by_word, words, mine))
                else:
                    normal = Mux(by_word, getattr(factor_of_word, name), getattr(factor[lane], name))
                    value = Mux(
                        drain.has_one_set, of_word[name], Mux(drain.is_values, normal, Mux(by_word, words, mine))
                    )
                chosen[name] = Signal(shape, name=f"chosen_{name}_{lane}", reset_less=True)
                m.d.sync += chosen[name].eq(value)
            acc = Signal(signed(SUM_BITS), name=f"chosen_sum_{lane}", reset_less=True)
            biased = Signal(signed(SUM_BITS + 1), name=f"biased_{lane}", reset_less=True)
            multiplier = Signal.like(chosen["multiplier"], name=f"multiplier_{lane}", reset_less=True)
            shift = Signal.like(chosen["shift"], name=f"shift_{lane}", reset_less=True)
            residual = Signal(signed(RESIDUAL_BITS), name=f"residual_{lane}", reset_less=True)
            m.d.sync += [
                acc.eq(self.lanes[lane]),
                biased.eq(acc + chosen["offset"]),
                multiplier.eq(chosen["multiplier"]),
                shift.eq(chosen["shift"]),
                residual.eq(Mux(has_residual, self.residual[lane], 0)),
            ]
            m.d.comb += [
                word.lanes[lane].eq(biased),
                word.multiplier[lane].eq(multiplier),
                word.shift[lane].eq(shift),
                word.residual[lane].eq(residual),
            ]

    def _finish(self, m, coded, drain, starts):
        """Look results up, or let them wait as long; they go out with where they belong."""
        m.submodules.activation = activation = Activation(lanes=self._side, bits=RESULT_BITS, slots=TABLE_SLOTS)
        m.d.comb += [
            activation.i.valid.eq(1),
            activation.i.p.slot.eq(drain.table),
            activation.i.p.last.eq(0),
            activation.o.ready.eq(1),
            activation.write_enable.eq(self.table_write),
            activation.write_address.eq(self.table_address),
            activation.write_data.eq(self.table_entry),
        ]
        m.d.comb += [
            lane.eq(code[:TABLE_INPUT_BITS].as_signed())
            for lane, code in zip(activation.i.p.lanes, coded.p.lanes, strict=True)
        ]
        where = Cat(drain.out, (drain.out + drain.plane)[:WORD_ADDRESS], drain.words, drain.is_wide, drain.has_table)
        late, start = Cat(coded.p.lanes.as_value(), where), starts
        for stage in range(latency.ACTIVATION):
            before, started = late, start
            late = Signal(len(before), name=f"late{stage + 1}", reset_less=True)
            start = Signal(name=f"starts{stage + 1}")
            m.d.sync += [late.eq(before), start.eq(started)]
        codes = late[: self._side * RESULT_BITS]
        rest = late[self._side * RESULT_BITS :]
        looked_up = Cat(*(lane for lane in activation.o.p.lanes))
        m.d.comb += [
            self.result_start.eq(start),
            Cat(self.result_address, self.result_high, self.result_words, self.result_is_wide).eq(rest[:-1]),
            self.result.as_value().eq(Mux(rest[-1], looked_up, codes)),
        ]
