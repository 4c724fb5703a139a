"""The lanes' elementwise functions: two products, their sum, one requantization, a table."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import TABLE_SLOTS
from vitaccel_rtl.accelerator.lane_words import FUNCTION, LANES
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.word_delay import WordDelay
from vitaccel_rtl.activation import Activation
from vitaccel_rtl.fixed_point import FACTOR_BITS
from vitaccel_rtl.formats import TABLE_ENTRIES
from vitaccel_rtl.requantize import Requantize
from vitaccel_rtl.stream import Stages
from vitaccel_rtl.transposer import rotate, rotation_steps

CODE_BITS = 16

ACC_BITS = 34
"""Of a sum of two products of a code and a multiplier."""

STAGES_TO_REQUANTIZE = 3
"""Factors, products, sum."""

STAGES_TO_RESULT = STAGES_TO_REQUANTIZE + latency.REQUANTIZE + latency.ACTIVATION + 1
"""Those, the requantization, the table, and the choice between what goes through it and what does not."""

TURN = 2
"""Stages in which lanes are turned."""


class LaneArithmetic(wiring.Component):
    """``requantize(a * x + b * y)`` of a word a cycle, and a table behind it; the latency is that of a LayerNorm.

    At the end the lanes are turned, by 0 unless tokens move.

    ============================== ================ ============ ===================================
    function                       x                y            offset, multiplier, shift
    ============================== ================ ============ ===================================
    convert, add or mul without b  1                0            of the word's set
    add                            of constant 0    of constant 1  0, 1, shift of constant 0
    mul                            b                0            0, those of constant 0
    activation                     1                0            0, those of constant 0; then the table
    copy, zero                     1                0            0, 1, 0
    ============================== ================ ============ ===================================

    Parameters
    ----------
    side
        P, 1 to 64.

    Attributes
    ----------
    a, b : Signal, in
        A word of each operand: P codes of 16 bits.
    set, constants : Signal, in
        The word's parameter set; the instruction's first two.
    lanes : Signal, in
        What is done with the word, :data:`~vitaccel_rtl.accelerator.lane_words.LANES`.
    o : Signal, out
        P codes of 16 bits, ``latency_cycles`` later.
    table_write, table_address, table_entry : Signal, in
        An entry of a table, of `vitaccel_rtl.activation.Activation`.
    """

    def __init__(self, *, side):
        self._side = side
        word = data.ArrayLayout(signed(CODE_BITS), side)
        super().__init__(
            {
                "a": In(word),
                "b": In(word),
                "set": In(PARAMETER_SET),
                "constants": In(data.ArrayLayout(PARAMETER_SET, 2)),
                "lanes": In(LANES),
                "o": Out(word),
                "table_write": In(1),
                "table_address": In(range(TABLE_ENTRIES * TABLE_SLOTS)),
                "table_entry": In(signed(CODE_BITS)),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from a word to its result."""
        return latency.LAYERNORM_NORMALIZE

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, Const(1))
        m.submodules.requantize = requantize = Requantize(lanes=self._side, acc_bits=ACC_BITS, has_residual=False)
        m.submodules.table = table = Activation(lanes=self._side, bits=CODE_BITS, slots=TABLE_SLOTS)
        m.submodules.late = late = WordDelay(
            width=CODE_BITS * self._side, cycles=self.latency_cycles - STAGES_TO_RESULT - TURN
        )
        # Both advance in every cycle, whether a word is valid or not.
        m.d.comb += [stream.valid.eq(1) for stream in (requantize.i, table.i)]
        m.d.comb += [stream.ready.eq(1) for stream in (requantize.o, table.o)]
        for acc, total in zip(requantize.i.p.lanes, self._sums(stages), strict=True):
            m.d.comb += acc.eq(total)
        self._choose_factors(m, stages, requantize.i.p)

        to_table = STAGES_TO_REQUANTIZE + latency.REQUANTIZE
        slot = stages.delay(self.lanes.table, to_table, name="slot")
        has_table = stages.delay(self.lanes.function == FUNCTION["activation"], STAGES_TO_RESULT - 1, name="has_table")
        m.d.comb += table.i.p.slot.eq(slot)
        codes = []
        for n, (code, entry) in enumerate(zip(requantize.o.p.lanes, table.o.p.lanes, strict=True)):
            m.d.comb += table.i.p.lanes[n].eq(code)
            code = stages.delay(code, latency.ACTIVATION, name=f"code_{n}")
            codes.append(stages.register(Mux(has_table, entry, code), name=f"result_{n}", shape=signed(CODE_BITS)))
        m.d.comb += [late.i.eq(Cat(self._turn(stages, codes))), self.o.as_value().eq(late.o)]
        m.d.comb += [
            table.write_enable.eq(self.table_write),
            table.write_address.eq(self.table_address),
            table.write_data.eq(self.table_entry),
        ]
        return m

    def _turn(self, stages, codes):
        """Return codes with those of lane l in lane ``l + turn``, and those of the last lanes in the first."""
        turn = stages.delay(self.lanes.turn, STAGES_TO_RESULT, name="turn")
        first, second = rotation_steps(turn[: (self._side - 1).bit_length()])
        codes = rotate(codes, first, down=False)
        codes = [stages.register(code, name=f"turning_{n}", shape=signed(CODE_BITS)) for n, code in enumerate(codes)]
        second = [(stages.register(bit, name=f"turn_by_{amount}"), amount) for bit, amount in second]
        codes = rotate(codes, second, down=False)
        return [stages.register(code, name=f"turned_{n}", shape=signed(CODE_BITS)) for n, code in enumerate(codes)]

    def _sums(self, stages):
        """Return ``a * x + b * y`` of each lane, three stages on."""
        function = self.lanes.function
        is_sum = self.lanes.has_b & (function == FUNCTION["add"])
        is_product = self.lanes.has_b & (function == FUNCTION["mul"])
        first, second = self.constants[0].multiplier, self.constants[1].multiplier
        one = Const(1, signed(FACTOR_BITS))
        y = stages.register(Mux(is_sum, second, 0), name="y", shape=signed(FACTOR_BITS))
        sums = []
        for n, (a, b) in enumerate(zip(self.a, self.b, strict=True)):
            x = Mux(is_product, b, Mux(is_sum, first, one))
            x = stages.register(x, name=f"x_{n}", shape=signed(FACTOR_BITS))
            a, b = stages.register(a, name=f"a_{n}"), stages.register(b, name=f"b_{n}")
            products = [stages.register(a * x, name=f"ax_{n}"), stages.register(b * y, name=f"by_{n}")]
            sums.append(stages.register(sum(products[1:], products[0]), name=f"sum_{n}", shape=signed(ACC_BITS)))
        return sums

    def _choose_factors(self, m, stages, word):
        """Give a word its offset, multiplier and shift."""
        function, own_sets = self.lanes.function, self.lanes.own_sets
        constant = self.constants[0]
        is_factor = (function == FUNCTION["mul"]) | (function == FUNCTION["activation"])
        has_shift = is_factor | (function == FUNCTION["add"])
        one = Const(1, signed(FACTOR_BITS))
        chosen = {
            "offset": Mux(own_sets, self.set.offset, 0),
            "multiplier": Mux(own_sets, self.set.multiplier, Mux(is_factor, constant.multiplier, one)),
            "shift": Mux(own_sets, self.set.shift, Mux(has_shift, constant.shift, 0)),
            "narrow": ~self.lanes.is_wide | (function == FUNCTION["activation"]),
        }
        for name, value in chosen.items():
            field = word[name]
            target = Signal.like(field, name=f"chosen_{name}")
            m.d.comb += target.eq(value)
            m.d.comb += field.eq(stages.delay(target, STAGES_TO_REQUANTIZE, name=name))
