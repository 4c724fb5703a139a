"""The register map: where hosts find what, and that it says all that there is."""

from __future__ import annotations

from vitaccel_rtl.accelerator.control_map import (
    COUNTERS,
    ERRORS,
    PARAMETERS,
    START,
    STOP,
    error_code,
    machine_registers,
)
from vitaccel_rtl.accelerator.isa import ENGINES, HEADER
from vitaccel_rtl.register_map import c_header, check_map, markdown

MAP = {register.name: register for register in machine_registers()}


def test_addresses_that_drivers_rely_on() -> None:
    fixed = {"identity": 0x00, "version": 0x04, "control": 0x08, "status": 0x0C, "program": 0x10, "cycles_low": 0x20}
    assert {name: MAP[name].address for name in fixed} == fixed
    assert check_map(machine_registers()) == machine_registers()


def test_every_engine_has_every_counter() -> None:
    assert {f"{kind}_{engine}" for kind in COUNTERS for engine in ENGINES} <= set(MAP)
    for register in MAP.values():
        assert "{" not in register.summary


def test_every_parameter_of_the_machine_can_be_read() -> None:
    names = [field.name for field in PARAMETERS]
    assert {*names, "magic", "version", "instructions"} == {field.name for field in HEADER}
    assert all(MAP[name].access == "read-only" for name in names)


def test_errors_fit_their_field() -> None:
    assert error_code("none") == 0
    (field,) = [field for field in MAP["status"].fields if field.name == "error"]
    assert len(ERRORS) <= 1 << field.bits
    assert field.summary.startswith("0: none, 1: magic, 2: version, ")


def test_texts_for_hosts() -> None:
    header = c_header(machine_registers(), prefix="vitaccel")
    assert f"#define VITACCEL_CONTROL_START_MASK {1 << START:#010x}u" in header
    assert f"#define VITACCEL_CONTROL_STOP_MASK {1 << STOP:#010x}u" in header
    assert "| `0x0030` |" not in markdown(machine_registers())
