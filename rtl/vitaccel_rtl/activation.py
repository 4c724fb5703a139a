"""Activation lanes: a loadable table of 256 outputs, one for each int8 input.

The integers of `vitaccel.reference.activation.ActivationTable`: its ``table`` is what is written, input -128 first.
"""

from amaranth.hdl import Cat, Module, signed, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.formats import TABLE_ENTRIES, TABLE_INPUT_BITS
from vitaccel_rtl.stream import Pipeline, check_range, lane_word


class ActivationLane(wiring.Component):
    """One lane's memory: *slots* tables behind each other, read where *advance* is high, written at any time."""

    def __init__(self, *, bits, slots):
        self._entries = TABLE_ENTRIES * slots
        self._bits = bits
        address = range(self._entries)
        super().__init__(
            {
                "advance": In(1),
                "address": In(address),
                "out": Out(signed(bits)),
                "write_enable": In(1),
                "write_address": In(address),
                "write_data": In(signed(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # What is read of an entry while it is written is not used, so nothing has to keep its old value.
        free = {"no_rw_check": 1}
        table = memory.Memory(shape=unsigned(self._bits), depth=self._entries, init=[], attrs=free)
        m.submodules.table = table
        read, write = table.read_port(), table.write_port()
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.advance),
            self.out.eq(read.data),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write_enable),
        ]
        return m


class Activation(Pipeline):
    """P activation lanes, one word a cycle; all lanes hold the same tables.

    An entry is written a cycle. A word that is accepted while the entry that it reads is written may get anything: a
    slot is to be written while no word that reads it is accepted.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    bits
        Width of an output, 8 or 16 (`ActivationTable.out_bits`).
    slots
        Tables held, 1 or a power of two up to 16: one in use while another is loaded.

    Attributes
    ----------
    i : stream
        ``lanes`` (int8), ``slot`` (with *slots* above 1: the table of this word), ``last``.
    o : stream
        ``lanes`` (signed *bits*), ``last``.
    write_enable, write_address, write_data : Signal, in
        An entry: its address is ``slot * 256 + input + 128``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, bits=8, slots=1):
        check_range("lanes of an activation", lanes, 1, 256)
        if bits not in (8, 16):
            raise ValueError(f"bits of an activation must be 8 or 16, not {bits!r}")
        if slots not in (1, 2, 4, 8, 16):
            raise ValueError(f"slots of an activation must be 1, 2, 4, 8 or 16, not {slots!r}")
        self._bits = bits
        self._slots = slots
        fields = {"slot": range(slots)} if slots > 1 else {}
        super().__init__(
            i=lane_word(lanes, signed(TABLE_INPUT_BITS), **fields),
            o=lane_word(lanes, signed(bits)),
            latency_cycles=latency.ACTIVATION,
            ports={
                "write_enable": In(1),
                "write_address": In(range(TABLE_ENTRIES * slots)),
                "write_data": In(signed(bits)),
            },
        )

    def connect(self, m, stages, valid, last):
        slot = Cat(self.i.p.slot) if self._slots > 1 else Cat()
        for i, (x, out) in enumerate(zip(self.i.p.lanes, self.o.p.lanes, strict=True)):
            lane = ActivationLane(bits=self._bits, slots=self._slots)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                # The place of an input among -128 to 127: its sign is turned over.
                lane.address.eq(Cat(x[:-1], ~x[-1], slot)),
                lane.write_enable.eq(self.write_enable),
                lane.write_address.eq(self.write_address),
                lane.write_data.eq(self.write_data),
                out.eq(stages.register(lane.out, name=f"code{i}")),
            ]
