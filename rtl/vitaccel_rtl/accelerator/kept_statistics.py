"""Statistics of rows of logits that are used again: maximum and reciprocal of the sum, a row an entry."""

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.exp2 import whole_bits
from vitaccel_rtl.reciprocal import EXPONENT_BITS, MANTISSA_BITS, Reciprocal
from vitaccel_rtl.stream import check_range


def row_layout(fraction_bits):
    """Layout of an entry: ``m``, and ``mantissa`` and ``exponent`` of the reciprocal of the sum."""
    return data.StructLayout(
        {
            "m": signed(whole_bits(fraction_bits)),
            "mantissa": unsigned(MANTISSA_BITS),
            "exponent": unsigned(EXPONENT_BITS),
        }
    )


class KeptStatistics(wiring.Component):
    """Takes the statistics of P rows at once, and keeps them in consecutive entries, one a cycle.

    Parameters
    ----------
    side
        P.
    entries
        Rows that are kept at a time, 2 to 65,536.
    fraction_bits, sum_bits, reciprocal
        Of the softmax: see :class:`vitaccel_rtl.accelerator.logit_rows.LogitRows`.

    Attributes
    ----------
    clear : Signal, in
        The next P rows go to entries 0 and up.
    valid, m, total : in
        Statistics of P rows, which go behind those before; the next ones come P cycles later or more. They are there
        ``P + RECIPROCAL + 2`` cycles later.
    read_address : in
        An entry.
    row : out
        It, two cycles later.

    Raises
    ------
    ValueError
        If there are no such entries.
    """

    def __init__(self, *, side, entries, fraction_bits, sum_bits, reciprocal):
        check_range("entries of kept statistics", entries, 2, 1 << 16)
        self._side, self._entries = side, entries
        self._reciprocal = reciprocal
        self._row = row_layout(fraction_bits)
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "m": In(data.ArrayLayout(signed(whole_bits(fraction_bits)), side)),
                "total": In(data.ArrayLayout(unsigned(sum_bits), side)),
                "read_address": In(range(entries)),
                "row": Out(self._row),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.reciprocal = reciprocal = Reciprocal(lanes=1, **self._reciprocal)
        waiting = {}
        for name in ("m", "total"):
            rows = getattr(self, name).as_value()
            width = len(rows) // self._side
            waiting[name] = kept = Signal(len(rows), name=f"waiting_{name}", reset_less=True)
            with m.If(self.valid):
                m.d.sync += kept.eq(rows)
            with m.Else():
                m.d.sync += kept.eq(Cat(kept[width:], kept[:width]))
        left = Signal(range(self._side + 1))
        with m.If(self.valid):
            m.d.sync += left.eq(self._side)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        sums, maxima = (len(waiting[name]) // self._side for name in ("total", "m"))
        m.d.comb += [
            reciprocal.i.valid.eq(1),
            reciprocal.i.p.lanes[0].eq(waiting["total"][:sums]),
            reciprocal.o.ready.eq(1),
        ]
        self._keep(m, reciprocal, later(m, left != 0, latency.RECIPROCAL, name="there"), waiting["m"][:maxima])
        return m

    def _keep(self, m, reciprocal, there, maximum):
        memory = Memory(shape=self._row, depth=self._entries, init=[], attrs={"no_rw_check": 1})
        m.submodules.memory = memory
        writes, reads = memory.write_port(), memory.read_port()
        entry = Signal(range(self._entries))
        for stage in range(latency.RECIPROCAL):
            before, maximum = maximum, Signal(len(maximum), name=f"maximum{stage + 1}", reset_less=True)
            m.d.sync += maximum.eq(before)
        with m.If(self.clear):
            m.d.sync += entry.eq(0)
        with m.Elif(there):
            m.d.sync += entry.eq(entry + 1)
        row = Signal(self._row, reset_less=True)
        m.d.sync += row.eq(reads.data)
        m.d.comb += [
            writes.addr.eq(entry),
            writes.en.eq(there),
            writes.data.m.eq(maximum.as_signed()),
            writes.data.mantissa.eq(reciprocal.o.p.mantissa[0]),
            writes.data.exponent.eq(reciprocal.o.p.exponent[0]),
            reads.addr.eq(self.read_address),
            self.row.eq(row),
        ]
