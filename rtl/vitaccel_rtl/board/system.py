"""The accelerator with a memory of block RAM and a serial line to a host: everything but clock, reset and pins."""

from amaranth.hdl import Cat, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.board.block_memory import BlockMemory
from vitaccel_rtl.board.host_link import HostLink
from vitaccel_rtl.board.serial import SerialReceiver, SerialTransmitter
from vitaccel_rtl.registers import PREFIX

LIGHTS = 4


class BoardSystem(wiring.Component):
    """A host loads and drives the accelerator over a serial line; no other memory is needed.

    The accelerator is the module that ``gen-rtl`` wrote, by its name and ports.

    Parameters
    ----------
    accelerator
        Its Verilog: name of the module, and ports.
    memory_bytes
        Of :class:`vitaccel_rtl.board.block_memory.BlockMemory`.
    cycles_per_bit
        Of the line.

    Attributes
    ----------
    receive, transmit : Signal
        The line from the host, and the one to it; both rest high.
    lights : Signal, out
        From the lowest bit up: an interrupt is pending, the host sends, it is answered, the accelerator reads or writes
        its memory.
    """

    def __init__(self, *, accelerator, memory_bytes, cycles_per_bit):
        self._accelerator = accelerator
        self._ports = {port.name: port for port in accelerator.ports}
        self._memory = BlockMemory(memory_bytes=memory_bytes, data_bits=self._ports["m_axi_rdata"].width)
        self._receiver = SerialReceiver(cycles_per_bit=cycles_per_bit)
        self._transmitter = SerialTransmitter(cycles_per_bit=cycles_per_bit)
        super().__init__({"receive": In(1, init=1), "transmit": Out(1, init=1), "lights": Out(LIGHTS)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self._memory
        m.submodules.receiver, m.submodules.transmitter = receiver, transmitter = self._receiver, self._transmitter
        m.submodules.link = link = HostLink(
            register_bits=self._ports[f"{PREFIX}_awaddr"].width, memory_bits=memory.address_bits
        )
        interrupt = self._accelerated(m, memory, link)
        wiring.connect(m, link.o, transmitter.i)
        m.d.comb += [
            receiver.line.eq(self.receive),
            self.transmit.eq(transmitter.line),
            link.valid.eq(receiver.valid),
            link.byte.eq(receiver.byte),
            link.breaks.eq(receiver.breaks),
            link.interrupt.eq(interrupt),
            link.done.eq(memory.done),
            link.read_byte.eq(memory.read_byte),
            *(getattr(memory, name).eq(getattr(link, name)) for name in ("address", "write_byte", "writes", "reads")),
        ]
        uses_memory = memory.m_axi_arvalid | memory.m_axi_awvalid
        m.d.sync += self.lights.eq(Cat(interrupt, ~receiver.line, ~transmitter.line, uses_memory))
        return m

    def _accelerated(self, m, memory, link):
        """Connect the accelerator to the memory and to the host's link; return its interrupt."""
        interrupt = Signal()
        connected = {"clk": ClockSignal(), "rst": ResetSignal(), "interrupt": interrupt}
        for name in self._ports:
            prefix, _, rest = name.rpartition("_")
            if prefix == PREFIX:
                connected[name] = getattr(link.registers, rest)
            elif prefix in ("m_axi", "p_axi"):
                connected[name] = getattr(memory, name)
        m.submodules.accelerator = Instance(
            self._accelerator.name,
            **{f"{'i' if self._ports[name].is_input else 'o'}_{name}": value for name, value in connected.items()},
        )
        return interrupt
