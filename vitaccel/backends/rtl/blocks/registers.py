# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Registers of a machine behind AXI4-Lite: commands, state, interrupts, counters and parameters."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel_rtl.register_map import WORD_BYTES, Field, Register
from vitaccel_rtl.registers import Registers

INTERRUPTS = Option(name="interrupts", default=4, least=1, most=32, summary="bits of events, each with its enable")
COUNTERS = Option(name="counters", default=4, least=0, most=64, summary="registers that the machine writes")
PARAMETERS = Option(name="parameters", default=16, least=0, most=256, summary="registers that software writes")
ADDRESS_BITS = Option(name="address_bits", default=12, least=6, most=32, summary="width of a byte address")

FIRST_NUMBERED = 0x20
"""Address of the first counter; what is free below it is for registers to come."""


def register_map(*, interrupts: int, counters: int, parameters: int) -> tuple[Register, ...]:
    """Return the registers of a machine with so many interrupts, counters and parameters."""
    numbered = [f"counter_{place}" for place in range(counters)]
    after = FIRST_NUMBERED + WORD_BYTES * counters
    return (
        Register(
            name="control", address=0x00, access="write-pulse", bits=2, summary="commands",
            fields=(Field(name="start", low=0), Field(name="stop", low=1)),
        ),
        Register(
            name="status", address=0x04, access="read-only", bits=8, summary="what the machine does",
            fields=(Field(name="busy", low=0), Field(name="error", low=1)),
        ),
        Register(
            name="interrupts", address=0x08, access="write-1-to-clear", bits=interrupts, summary="events that occurred"
        ),
        Register(name="enables", address=0x0C, bits=interrupts, summary="events that interrupt"),
        *(
            Register(name=name, address=FIRST_NUMBERED + WORD_BYTES * place, access="read-only")
            for place, name in enumerate(numbered)
        ),
        *(
            Register(name=f"parameter_{place}", address=after + WORD_BYTES * place) for place in range(parameters)
        ),
    )  # fmt: skip


def _registers(*, address_bits: int, **numbers: int) -> Any:
    return Registers(register_map(**numbers), address_bits=address_bits)


REGISTERS = Block(
    name="registers",
    summary="AXI4-Lite registers: commands, state, interrupts, counters, parameters",
    options=(PARAMETERS, COUNTERS, INTERRUPTS, ADDRESS_BITS),
    make=_registers,
)
