"""The driver: registers by name, runs and how they end, on a bus that is a table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.accelerator.loopback import REGISTERS
from vitaccel_rtl.accelerator.control_map import ERRORS, machine_registers
from vitaccel_rtl.register_map import to_json
from vitaccel_sim.accelerator import driver
from vitaccel_sim.accelerator.driver import Accelerator, AcceleratorError

MAP = machine_registers()
ADDRESSES = {register.name: register.address for register in MAP}


class Table:
    """A bus that keeps what it is told; *status* is there once the run was started."""

    def __init__(self, status: int = 0) -> None:
        self.words = {register.address: 0 for register in MAP}
        self.written: list[tuple[str, int]] = []
        self.memory = bytearray(64)
        self.status = status

    def read32(self, address: int) -> int:
        return self.words[address]

    def write32(self, address: int, value: int) -> None:
        names = {place: name for name, place in ADDRESSES.items()}
        self.written.append((names[address], value))
        self.words[address] = value
        if names[address] == "control":
            self.words[ADDRESSES["status"]] = self.status

    def read_memory(self, address: int, count: int) -> bytes:
        return bytes(self.memory[address : address + count])

    def write_memory(self, address: int, content: bytes) -> None:
        self.memory[address : address + len(content)] = content

    def wait(self, limit: float) -> bool:
        return limit > 1


def accelerator(bus: Table) -> Accelerator:
    return Accelerator(bus, json.loads(to_json(MAP))["registers"])


def test_a_run_is_started_and_its_cycles_returned() -> None:
    bus = Table(status=0b10)
    machine = accelerator(bus)
    machine.load(8, b"program")
    assert machine.fetch(8, 7) == b"program"
    bus.words[ADDRESSES["cycles_low"]], bus.words[ADDRESSES["cycles_high"]] = 7, 2
    assert machine.run(0x40, 10) == 2 << 32 | 7
    assert bus.written == [
        ("interrupt_pending", 3),
        ("interrupt_enable", 3),
        ("program", 0x40),
        ("control", 1),
        ("interrupt_pending", 3),
    ]


@pytest.mark.parametrize("code", range(1, len(ERRORS)))
def test_an_error_is_told_by_its_name(code: int) -> None:
    machine = accelerator(Table(status=code << 4))
    with pytest.raises(AcceleratorError, match=f"^a run must end without an error, not with '{ERRORS[code]}'$") as told:
        machine.run(0, 10)
    assert told.value.cause == ERRORS[code]


def test_an_error_without_a_name_is_told_by_its_number() -> None:
    with pytest.raises(AcceleratorError, match="not with '15'"):
        accelerator(Table(status=15 << 4)).run(0, 10)


def test_a_run_that_does_not_end_is_told() -> None:
    with pytest.raises(TimeoutError, match=r"^a run must end within 1, and this one did not$"):
        accelerator(Table()).run(0, 1)


def test_registers_and_fields_by_name() -> None:
    bus = Table()
    machine = accelerator(bus)
    bus.words[ADDRESSES["status"]] = 0x0B51
    fields = ("busy", "done", "error", "engines")
    assert [machine.read_field("status", name) for name in fields] == [1, 0, 5, 0xB]
    assert machine.mask("status", "done", "error") == 0xF2
    machine.stop()
    assert bus.written == [("control", 2)]
    with pytest.raises(KeyError, match=r"a register must be one of identity, .*, not 'nothing'"):
        machine.read("nothing")
    with pytest.raises(KeyError, match="a field of control must be one of start, stop, not 'pause'"):
        machine.mask("control", "pause")


def test_counters_are_those_of_the_engines() -> None:
    bus = Table()
    bus.words[ADDRESSES["busy_vector"]] = 9
    counters = accelerator(bus).counters()
    assert set(counters) == {
        f"{kind}_{engine}"
        for kind in ("completed", "busy", "waiting", "idle")
        for engine in ("load", "compute", "vector", "store")
    }
    assert counters["busy_vector"] == 9


def test_the_map_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "registers.json").write_text(to_json(REGISTERS))
    machine = Accelerator.from_file(Table(), tmp_path / "registers.json")
    assert machine.mask("control", "start") == 1


def test_it_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(Path(driver.__file__).read_text())
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import driver"]
    subprocess.run(command, check=True)
