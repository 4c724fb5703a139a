"""AXI4-Lite registers: what software writes and the machine reads, and the other way round."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.arbiter import select
from vitaccel_rtl.axi_lite import DATA_BITS, OKAY, SLVERR, AxiLitePorts, AxiLiteSignature, flat_members
from vitaccel_rtl.register_map import WORD_BYTES, address_bits, check_map
from vitaccel_rtl.stream import check_range

PREFIX = "s_axi"

RESERVED = ("axi", "clk", "rst")
"""Names that a port for a register cannot have."""


class Registers(wiring.Component):
    """A register file behind AXI4-Lite; reads and writes do not know of each other.

    One read and one write are under way at most. Address and data of a write come in any order and at any distance. A
    write that has been answered is seen by every read whose address comes after the answer. Strobes say which bytes are
    written; the two lowest bits of an address and ``prot`` are not looked at. An address without a register is answered
    with SLVERR, and read as 0; a write to a read-only register is answered with SLVERR, whatever its strobes.

    Parameters
    ----------
    registers
        The map: `vitaccel_rtl.register_map.Register` values, in any order.
    address_bits
        Width of the byte address; as many as the map needs when left out, 32 at most.

    Attributes
    ----------
    s_axi_awaddr, s_axi_awprot, ... : Signal
        AXI4-Lite with 32-bit data; ``axi`` is all of them as one interface.
    <name> : Signal, out
        Of a ``read-write`` or ``write-1-to-clear`` register: its value. Of a ``write-pulse`` register: the bits that
        were just written with 1, for one cycle.
    <name> : Signal, in
        Of a ``read-only`` register: its value, as it is in the cycle before its answer is offered.
    <name>_set : Signal, in
        Of a ``write-1-to-clear`` register: bits to set. They win over a clear in the same cycle.

    All outputs are registers. The answer to a read is offered ``read_latency_cycles`` after its address was accepted,
    that to a write ``write_latency_cycles`` after the later of its address and data were, and registers have their new
    value in that cycle. The next address is accepted in the cycle after the answer was.

    Raises
    ------
    ValueError
        If two registers have the same address or name, two ports the same name, or the address is too narrow.
    """

    def __init__(self, registers, *, address_bits=None):
        self._registers = check_map(registers)
        self._address_bits = self._check_address_bits(address_bits)
        signature = AxiLiteSignature(address_bits=self._address_bits).flip()
        members = flat_members(signature, PREFIX)
        for register in self._registers:
            for name, member in self._ports_of(register).items():
                if name in members or name in RESERVED or hasattr(wiring.Component, name) or hasattr(type(self), name):
                    raise ValueError(f"port {name!r} of register {register.name!r} must have a name of its own")
                members[name] = member
        super().__init__(members)
        self.axi = AxiLitePorts(self, signature, PREFIX)

    def _check_address_bits(self, width):
        least = address_bits(self._registers)
        if width is None:
            return least
        check_range("address_bits of registers", width, least, 32)
        return width

    @staticmethod
    def _ports_of(register):
        if register.access == "read-only":
            return {register.name: In(register.bits)}
        if register.access == "write-1-to-clear":
            return {register.name: Out(register.bits, init=register.reset), f"{register.name}_set": In(register.bits)}
        return {register.name: Out(register.bits, init=register.reset)}

    @property
    def registers(self):
        """The map, in the order of its addresses."""
        return self._registers

    @property
    def read_latency_cycles(self):
        """Cycles from accepting the address of a read to offering its data."""
        return latency.REGISTERS_READ

    @property
    def write_latency_cycles(self):
        """Cycles from accepting address and data of a write, the later of the two, to offering its answer."""
        return latency.REGISTERS_WRITE

    @property
    def read_interval_cycles(self):
        """Cycles from accepting the address of a read to accepting the next, while data are taken as they come."""
        return latency.REGISTERS_READ_INTERVAL

    @property
    def write_interval_cycles(self):
        """Cycles from accepting a write to accepting the next, while answers are taken as they come."""
        return latency.REGISTERS_WRITE_INTERVAL

    def elaborate(self, platform):
        m = Module()
        self._read(m)
        self._write(m)
        return m

    def _read(self, m):
        axi = self.axi
        word = Signal(self._address_bits - 2, name="read_word", reset_less=True)
        looks_up = Signal(name="read_looks_up")
        chosen = Signal(len(self._registers), name="read_chosen", reset_less=True)
        fetches = Signal(name="read_fetches")
        is_ready = Signal(name="read_is_ready", init=1)
        data = Signal(DATA_BITS, name="read_data")
        response = Signal(2, name="read_response")
        valid = Signal(name="read_valid")
        m.d.comb += [axi.arready.eq(is_ready), axi.rvalid.eq(valid), axi.rdata.eq(data), axi.rresp.eq(response)]
        with m.If(axi.arvalid & is_ready):
            m.d.sync += [word.eq(axi.araddr[2:]), looks_up.eq(1), is_ready.eq(0)]
        with m.If(looks_up):
            m.d.sync += [looks_up.eq(0), fetches.eq(1)]
            m.d.sync += chosen.eq(Cat(word == register.address // WORD_BYTES for register in self._registers))
        with m.If(fetches):
            shown = [0 if r.access == "write-pulse" else getattr(self, r.name) for r in self._registers]
            m.d.sync += [
                fetches.eq(0),
                valid.eq(1),
                response.eq(Mux(chosen.any(), OKAY, SLVERR)),
                data.eq(select(chosen, shown)),
            ]
        with m.If(valid & axi.rready):
            m.d.sync += [valid.eq(0), is_ready.eq(1)]

    def _write(self, m):
        axi = self.axi
        word = Signal(self._address_bits - 2, name="write_word", reset_less=True)
        data = Signal(DATA_BITS, name="write_data", reset_less=True)
        strobes = Signal(DATA_BITS // 8, name="write_strobes", reset_less=True)
        address_is_ready = Signal(name="address_is_ready", init=1)
        data_is_ready = Signal(name="data_is_ready", init=1)
        valid = Signal(name="write_valid")
        response = Signal(2, name="write_response")
        happens = Signal(name="write_happens")
        m.d.comb += [
            axi.awready.eq(address_is_ready),
            axi.wready.eq(data_is_ready),
            axi.bvalid.eq(valid),
            axi.bresp.eq(response),
            happens.eq(~address_is_ready & ~data_is_ready & ~valid),
        ]
        with m.If(axi.awvalid & address_is_ready):
            m.d.sync += [word.eq(axi.awaddr[2:]), address_is_ready.eq(0)]
        with m.If(axi.wvalid & data_is_ready):
            m.d.sync += [data.eq(axi.wdata), strobes.eq(axi.wstrb), data_is_ready.eq(0)]
        mask = Cat(strobe.replicate(8) for strobe in strobes)
        chosen = {register: Signal(name=f"{register.name}_is_written") for register in self._registers}
        for register, flag in chosen.items():
            m.d.comb += flag.eq(happens & (word == register.address // WORD_BYTES))
            self._update(m, register, flag, data, mask)
        writable = Cat(flag for register, flag in chosen.items() if register.is_writable)
        with m.If(happens):
            m.d.sync += [valid.eq(1), response.eq(Mux(writable.any(), OKAY, SLVERR))]
        with m.If(valid & axi.bready):
            m.d.sync += [valid.eq(0), address_is_ready.eq(1), data_is_ready.eq(1)]

    def _update(self, m, register, is_written, data, mask):
        if register.access == "read-only":
            return
        value = getattr(self, register.name)
        ones = Mux(is_written, data & mask, 0)[: register.bits]
        if register.access == "write-pulse":
            m.d.sync += value.eq(ones)
        elif register.access == "write-1-to-clear":
            m.d.sync += value.eq((value & ~ones) | getattr(self, f"{register.name}_set"))
        else:
            with m.If(is_written):
                m.d.sync += value.eq((value & ~mask) | (data & mask))
