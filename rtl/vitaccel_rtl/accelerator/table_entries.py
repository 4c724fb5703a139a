"""From sets of 8 bytes to the entries of an activation table."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.buffer_formats import SET_BITS
from vitaccel_rtl.formats import TABLE_ENTRIES

ENTRY_BITS = 16
NARROW_BITS = 8
"""Of an entry as it comes: int8, if it is not int16."""


def table_write(slots):
    """Members of the write port of :class:`vitaccel_rtl.activation.Activation`, as who writes it sees them."""
    return wiring.Signature(
        {
            "write_enable": Out(1),
            "write_address": Out(range(TABLE_ENTRIES * slots)),
            "write_data": Out(ENTRY_BITS),
        }
    )


class TableEntries(wiring.Component):
    """Entries of a table, one a cycle, of sets of four or eight of them.

    Parameters
    ----------
    slots
        Tables held.

    Attributes
    ----------
    i : stream
        ``set`` (8 bytes, the lowest entry first), ``is_wide`` (entries are int16, else int8), ``begins`` (it is the
        first of its table), ``slot`` (of the table), ``last`` (of its table). Accepted when no entry or only one is
        left: a set every four or eight cycles.
    write : see :func:`table_write`, out
        The first entry of a set is written in the cycle after the set was accepted; int8 is extended with its sign.
    idle : Signal, out
        There is no entry left.
    finishes : Signal, out
        The last entry of a table is written.
    """

    def __init__(self, *, slots):
        self._slots = slots
        layout = data.StructLayout({"set": SET_BITS, "is_wide": 1, "begins": 1, "slot": range(slots), "last": 1})
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "write": Out(table_write(slots)),
                "idle": Out(1),
                "finishes": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        entries = Signal(SET_BITS, reset_less=True)
        is_wide = Signal(reset_less=True)
        last = Signal(reset_less=True)
        place = Signal.like(self.write.write_address, reset_less=True)
        left = Signal(range(SET_BITS // NARROW_BITS + 1))
        m.d.comb += [
            self.idle.eq(left == 0),
            self.i.ready.eq(left[1:] == 0),
            self.finishes.eq((left == 1) & last),
            self.write.write_enable.eq(left != 0),
            self.write.write_address.eq(place),
            self.write.write_data.eq(Mux(is_wide, entries, entries[:NARROW_BITS].as_signed())),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                entries.eq(self.i.p.set),
                is_wide.eq(self.i.p.is_wide),
                last.eq(self.i.p.last),
                left.eq(Mux(self.i.valid, Mux(self.i.p.is_wide, SET_BITS // ENTRY_BITS, SET_BITS // NARROW_BITS), 0)),
            ]
        with m.Else():
            m.d.sync += [entries.eq(Mux(is_wide, entries >> ENTRY_BITS, entries >> NARROW_BITS)), left.eq(left - 1)]
        with m.If(self.i.valid & self.i.ready & self.i.p.begins):
            m.d.sync += place.eq(self.i.p.slot * TABLE_ENTRIES)
        with m.Elif(left != 0):
            m.d.sync += place.eq(place + 1)
        return m
