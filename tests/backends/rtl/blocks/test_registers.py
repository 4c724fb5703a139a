from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.registers import FIRST_NUMBERED, REGISTERS, register_map
from vitaccel.errors import BlockError
from vitaccel_rtl.register_map import check_map


def test_registers_are_as_many_as_asked_and_lie_behind_one_another() -> None:
    registers = register_map(interrupts=3, counters=2, parameters=4)
    assert check_map(registers) == registers
    numbered = [register.name for register in registers if register.address >= FIRST_NUMBERED]
    assert numbered == ["counter_0", "counter_1", "parameter_0", "parameter_1", "parameter_2", "parameter_3"]
    assert {register.name: register.bits for register in registers}["interrupts"] == 3


def test_ports_are_those_of_the_map() -> None:
    component = REGISTERS.component(parameters=1, counters=1, interrupts=5, address_bits=9)
    assert (len(component.s_axi_awaddr), len(component.interrupts_set), len(component.parameter_0)) == (9, 5, 32)
    assert [register.name for register in component.registers][-2:] == ["counter_0", "parameter_0"]


def test_addresses_that_are_too_narrow_are_refused() -> None:
    told = r"^block registers: address_bits of registers must be an integer from 7 to 32, not 6$"
    with pytest.raises(BlockError, match=told):
        REGISTERS.component(parameters=16, counters=0, address_bits=6)
