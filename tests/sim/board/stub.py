"""Something with the ports of an accelerator that has its registers, and interrupts when it is told to."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.control import PORT
from vitaccel_rtl.accelerator.control_map import machine_registers
from vitaccel_rtl.accelerator.fetch import GEOMETRY
from vitaccel_rtl.axi import Geometry, read_ports, write_ports
from vitaccel_rtl.axi_lite import AxiLiteSignature, flat_members
from vitaccel_rtl.register_map import address_bits
from vitaccel_rtl.registers import PREFIX, Registers

IDENTITY = 0x1234_5678


class Stub(wiring.Component):
    """The interrupt is the lowest bit of the register `program`; no master ever asks for anything."""

    def __init__(self) -> None:
        data = Geometry(data_bits=32, word_bytes=4)
        self._lite = AxiLiteSignature(address_bits=address_bits(machine_registers())).flip()
        super().__init__(
            {
                **flat_members(self._lite, PREFIX),
                **{name.replace("m_axi", PORT): member for name, member in read_ports(GEOMETRY).items()},
                **read_ports(data),
                **write_ports(data),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.registers = registers = Registers(machine_registers())
        for name, member in flat_members(self._lite, PREFIX).items():
            inner, outer = getattr(registers, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        m.d.comb += [registers.identity.eq(IDENTITY), self.interrupt.eq(registers.program[0])]
        return m
