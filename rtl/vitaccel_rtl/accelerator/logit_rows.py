"""Logits of two row-blocks on their way from the first product of attention to the second.

They are kept in the logit buffer, their statistics are made as they come, and numerators as they are read.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.accelerator.pace import LOGIT_READ
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.tile_queue import TileQueue
from vitaccel_rtl.exp2 import has_lines, whole_bits
from vitaccel_rtl.fixed_point import FACTOR_BITS
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.reciprocal import RowFactor
from vitaccel_rtl.requantize import SHIFT_BITS
from vitaccel_rtl.softmax import SoftmaxNumerators, SoftmaxStatistics


def factor_layout():
    """Layout of what a lane's sums are multiplied with: multiplier and shift."""
    return data.StructLayout({"multiplier": signed(FACTOR_BITS), "shift": unsigned(SHIFT_BITS)})


class LogitRows(wiring.Component):
    """The logit buffer and the softmax of attention.

    Parameters
    ----------
    side
        P.
    words
        Words of P logits of the buffer.
    softmax
        ``fraction_bits`` and ``table`` of the powers of two; ``numerator_bits`` (8); ``sum_bits``; ``reciprocal`` with
        ``table``, ``entry_bits`` and ``centre``.

    Attributes
    ----------
    valid, lanes, address, ends_row : in
        P logits of a key, where they are kept, and whether the key is its row-block's last.
    output_set_valid, output_set : in
        The set of the outputs of a head: once for each row-block, before its last key. With it ``output_keeps``,
        whether the row-block's logits are kept.
    read, read_address, depth, slot : in
        Numerators of *depth* keys are wanted, with the statistics of *slot*; *read* is a pulse in the cycle in which
        the operands of the tile set out. The first is at ``numerators`` `latency.READ_RUN` cycles later.
    numerators : out
        P numerators, unsigned.
    factors : out
        For each slot and lane the factor of its row: of a row-block from `ROW_FACTOR` + 1 cycles after its statistics.
    kept_valid, maxima, totals : out
        Statistics of a row-block whose logits are kept, when they are made.
    """

    def __init__(self, *, side, words, softmax):
        self._side, self._words, self._softmax = side, words, softmax
        self._lines = has_lines(softmax["table"])
        factors = data.ArrayLayout(data.ArrayLayout(factor_layout(), side), 2)
        super().__init__(
            {
                "valid": In(1),
                "lanes": In(data.ArrayLayout(signed(LOGIT_BITS), side)),
                "address": In(range(words)),
                "ends_row": In(1),
                "output_set_valid": In(1),
                "output_set": In(PARAMETER_SET),
                "output_keeps": In(1),
                "read": In(1),
                "read_address": In(range(words)),
                "depth": In(COUNT),
                "slot": In(1),
                "numerators": Out(data.ArrayLayout(unsigned(softmax["numerator_bits"]), side)),
                "factors": Out(factors),
                "kept_valid": Out(1),
                "maxima": Out(data.ArrayLayout(signed(whole_bits(softmax["fraction_bits"])), side)),
                "totals": Out(data.ArrayLayout(unsigned(softmax["sum_bits"]), side)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        maxima = self._summarize(m)
        self._make_numerators(m, maxima)
        return m

    def _summarize(self, m):
        """Statistics of each row-block, into the slots by turns; return the maxima of both."""
        softmax = self._softmax
        powers = {name: softmax[name] for name in ("fraction_bits", "table")}
        m.submodules.statistics = statistics = SoftmaxStatistics(
            lanes=self._side, **powers, sum_bits=softmax["sum_bits"]
        )
        m.submodules.factor = factor = RowFactor(
            lanes=self._side, numerator_bits=softmax["numerator_bits"], **softmax["reciprocal"]
        )
        m.submodules.sets = sets = TileQueue(data.StructLayout({"set": PARAMETER_SET, "keeps": 1}))
        m.d.comb += [
            statistics.i.valid.eq(self.valid),
            statistics.i.p.lanes.eq(self.lanes),
            statistics.i.p.last.eq(self.ends_row),
            statistics.o.ready.eq(1),
            sets.push.eq(self.output_set_valid),
            sets.word.set.eq(self.output_set),
            sets.word.keeps.eq(self.output_keeps),
            sets.pop.eq(statistics.o.valid),
            factor.i.valid.eq(statistics.o.valid),
            factor.i.p.multiplier.eq(sets.head.set.multiplier),
            factor.i.p.shift.eq(sets.head.set.shift),
            factor.i.p.last.eq(1),
            factor.o.ready.eq(1),
        ]
        m.d.comb += [
            self.kept_valid.eq(statistics.o.valid & sets.head.keeps),
            self.maxima.eq(statistics.o.p.m),
            self.totals.eq(statistics.o.p.total),
        ]
        m.d.comb += [lane.eq(total) for lane, total in zip(factor.i.p.lanes, statistics.o.p.total, strict=True)]
        summary, scaled = Signal(), Signal()
        maxima = [Signal(statistics.o.p.m.shape(), name=f"maxima{slot}", reset_less=True) for slot in range(2)]
        with m.If(statistics.o.valid):
            m.d.sync += summary.eq(~summary)
        with m.If(factor.o.valid):
            m.d.sync += scaled.eq(~scaled)
        for slot in range(2):
            with m.If(statistics.o.valid & (summary == slot)):
                m.d.sync += maxima[slot].eq(statistics.o.p.m)
            kept = Signal(self.factors[slot].shape(), name=f"factors{slot}", reset_less=True)
            with m.If(factor.o.valid & (scaled == slot)):
                for lane, of in enumerate(kept):
                    m.d.sync += [
                        of.multiplier.eq(factor.o.p.multiplier[lane]),
                        of.shift.eq(factor.o.p.shift[lane]),
                    ]
            m.d.comb += self.factors[slot].eq(kept)
        return maxima

    def _make_numerators(self, m, maxima):
        softmax = self._softmax
        m.submodules.memory = memory = Memory(
            shape=self._side * LOGIT_BITS, depth=self._words, init=[], attrs={"no_rw_check": 1}
        )
        writes, reads = memory.write_port(), memory.read_port()
        written, write_address = Signal(self._side * LOGIT_BITS, reset_less=True), Signal.like(self.address)
        is_written = Signal()
        m.d.sync += [
            written.eq(self.lanes.as_value()),
            write_address.eq(self.address),
            is_written.eq(self.valid),
        ]
        m.d.comb += [writes.addr.eq(write_address), writes.data.eq(written), writes.en.eq(is_written)]
        powers = {name: softmax[name] for name in ("fraction_bits", "table")}
        m.submodules.lanes = lanes = SoftmaxNumerators(lanes=self._side, **powers, bits=softmax["numerator_bits"])
        address, slot = self._walk(m, lanes.latency_cycles)
        output = Signal(self._side * LOGIT_BITS, name="read", reset_less=True)
        m.d.sync += output.eq(reads.data)
        m.d.comb += [
            reads.addr.eq(address),
            lanes.i.valid.eq(1),
            lanes.i.p.lanes.eq(output),
            lanes.i.p.m.eq(Mux(slot, maxima[1], maxima[0])),
            lanes.o.ready.eq(1),
            self.numerators.eq(lanes.o.p.lanes),
        ]

    def _walk(self, m, latency_cycles):
        """Addresses of the keys, so early that the numerators are there in time; return them and the slot."""
        wait = latency.READ_RUN - LOGIT_READ - latency_cycles
        about = Cat(self.read_address, self.slot)
        waits = Signal(len(about), name="tile", reset_less=True)
        with m.If(self.read):
            m.d.sync += waits.eq(about)
        if wait > latency.SLOTS:
            # The next tile may set out before this one's first logit is read.
            first, waits = waits, Signal(len(about), name="tile_read", reset_less=True)
            with m.If(later(m, self.read, latency.SLOTS - 1, name="follows")):
                m.d.sync += waits.eq(first)
        late = later(m, self.read, wait - 1, name="reads")
        waiting_address, waiting_slot = waits[:-1], waits[-1]
        address = Signal(range(self._words), name="reading", reset_less=True)
        slots = [Signal(name="slot_reading", reset_less=True)]
        m.d.sync += address.eq(address + 1)
        with m.If(late):
            m.d.sync += [address.eq(waiting_address), slots[0].eq(waiting_slot)]
        for stage in range(LOGIT_READ):
            slots.append(Signal(name=f"slot_read{stage + 1}", reset_less=True))
            m.d.sync += slots[-1].eq(slots[-2])
        return address, slots[-1]
