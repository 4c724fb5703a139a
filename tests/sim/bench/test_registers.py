"""The bench of registers: every kind of defect is told."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Module

from vitaccel_rtl.register_map import Register
from vitaccel_rtl.registers import Registers
from vitaccel_sim.benches.registers import register_parameters
from vitaccel_sim.cocotb_runner import run_bench

BENCH = "vitaccel_sim.bench.registers"
SMALL = (
    Register(name="control", address=0x0, access="write-pulse", bits=3),
    Register(name="status", address=0x4, access="read-only", bits=17),
    Register(name="interrupts", address=0x8, access="write-1-to-clear", bits=12, reset=0x801),
    Register(name="program", address=0x10, reset=0xDEADBEEF),
)


class Broken(Registers):
    """Registers with a defect."""

    def __init__(self, defect: str) -> None:
        self._defect = defect
        super().__init__(SMALL, address_bits=6)

    def _update(self, m: Module, register: Register, is_written: Any, data: Any, mask: Any) -> None:
        if self._defect == "strobes" and register.access == "read-write":
            mask = mask | ~mask
        super()._update(m, register, is_written, data, mask)
        if self._defect == "pulse" and register.access == "write-pulse":
            m.d.sync += getattr(self, register.name).eq(getattr(self, register.name) | data & mask)
        if self._defect == "clear" and register.access == "write-1-to-clear":
            value, bits = getattr(self, register.name), getattr(self, f"{register.name}_set")
            ones = is_written.replicate(32) & data & mask
            m.d.sync += value.eq((value | bits) & ~ones)


@pytest.mark.parametrize(
    ("defect", "testcase", "message"),
    [
        ("strobes", "every_register_and_every_byte", "must be 0x"),
        ("pulse", "every_register_and_every_byte", "pulses differ"),
        ("clear", "setting_wins_over_clearing", "set in cycle 1"),
    ],
)
def test_a_defect_is_told(defect: str, testcase: str, message: str, quick_simulator: str, seed: int) -> None:
    told = register_parameters(SMALL, address_bits=6)
    result = run_bench(
        Broken(defect), BENCH, seed=seed, parameters=told, name="registers", testcase=testcase,
        simulator=quick_simulator,
    )  # fmt: skip
    assert len(result.failed) == 1
    assert message in next(iter(result.failed.values()))
