"""Driver of a vitaccel accelerator: load its memory, run a program, read what came out.

It runs on the standard library alone. What it talks to is a bus: memory-mapped hardware, or a simulation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

COUNTED_ENGINES = ("load", "compute", "vector", "store")

MOST_POLLS = 100_000
"""How often the status is read until the accelerator is at rest."""


class Bus(Protocol):
    """How registers and memory of an accelerator are reached."""

    def read32(self, address: int) -> int:
        """Return the register at a byte address."""

    def write32(self, address: int, value: int) -> None:
        """Write the register at a byte address."""

    def read_memory(self, address: int, count: int) -> bytes:
        """Return bytes of the accelerator's memory."""

    def write_memory(self, address: int, content: bytes) -> None:
        """Write bytes of the accelerator's memory."""

    def wait(self, limit: float) -> bool:
        """Wait for an interrupt, and return whether it came: *limit* is in seconds, or in cycles of a simulation."""


class AcceleratorError(Exception):
    """The accelerator refused a program, or could not read or write its memory; *cause* is its word for it."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"a run must end without an error, not with {cause!r}")
        self.cause = cause


class Accelerator:
    """An accelerator behind a bus.

    Parameters
    ----------
    bus
        Where it is.
    registers
        Its map: the list ``registers`` of the JSON file.
    """

    def __init__(self, bus: Bus, registers: Iterable[Mapping[str, Any]]) -> None:
        self.bus = bus
        self._registers = {register["name"]: register for register in registers}

    @classmethod
    def from_file(cls, bus: Bus, path: str | Path) -> Accelerator:
        """Return an accelerator with the register map of a JSON file."""
        return cls(bus, json.loads(Path(path).read_text())["registers"])

    # -- registers ---------------------------------------------------------------------------------------------------
    def read(self, name: str) -> int:
        """Return a register by its name."""
        return self.bus.read32(self._register(name)["address"])

    def write(self, name: str, value: int) -> None:
        """Write a register by its name."""
        self.bus.write32(self._register(name)["address"], value)

    def read_field(self, name: str, field: str) -> int:
        """Return a field of a register."""
        found = self._field(name, field)
        return self.read(name) >> found["low"] & (1 << found["bits"]) - 1

    def mask(self, name: str, *fields: str) -> int:
        """Return ones in fields of a register."""
        found = [self._field(name, field) for field in fields]
        return sum((1 << field["bits"]) - 1 << field["low"] for field in found)

    # -- runs --------------------------------------------------------------------------------------------------------
    def load(self, address: int, content: bytes) -> None:
        """Put bytes into the memory: a program, weights, inputs."""
        self.bus.write_memory(address, content)

    def fetch(self, address: int, count: int) -> bytes:
        """Return bytes of the memory: outputs."""
        return self.bus.read_memory(address, count)

    def start(self, program: int) -> None:
        """Start the program at an address of the memory; its end, or an error, interrupts."""
        both = self.mask("interrupt_enable", "done", "error")
        self.write("interrupt_pending", both)
        self.write("interrupt_enable", both)
        self.write("program", program)
        self.write("control", self.mask("control", "start"))

    def wait(self, limit: float, **options: Any) -> None:
        """Wait until the run has ended.

        Parameters
        ----------
        limit
            As the bus counts: seconds, or cycles of a simulation.
        options
            Of the bus.

        Raises
        ------
        TimeoutError
            If it did not end.
        AcceleratorError
            If it ended with an error. The accelerator is at rest then, and may be started again.
        """
        if not self.bus.wait(limit, **options):
            raise TimeoutError(f"a run must end within {limit:,}, and this one did not")
        self.write("interrupt_pending", self.mask("interrupt_pending", "done", "error"))
        if code := self.read_field("status", "error"):
            self._rest()
            raise AcceleratorError(self._cause(code))

    def run(self, program: int, limit: float, **options: Any) -> int:
        """Run the program at an address, and return the cycles it took; raises as :meth:`wait`."""
        self.start(program)
        self.wait(limit, **options)
        return self.cycles

    def stop(self) -> None:
        """Bring the accelerator back to where it can be started, whatever it does.

        Raises
        ------
        TimeoutError
            If what it has begun does not end: its memory does not answer.
        """
        self.write("control", self.mask("control", "stop"))
        self._rest()

    @property
    def cycles(self) -> int:
        """Cycles of the run so far, or of the last one."""
        return self.read("cycles_low") | self.read("cycles_high") << 32

    def counters(self) -> dict[str, int]:
        """Return what the accelerator counted of the last run, by register."""
        ends = tuple(f"_{engine}" for engine in COUNTED_ENGINES)
        return {name: self.read(name) for name in self._registers if name.endswith(ends)}

    # -- inside ------------------------------------------------------------------------------------------------------
    def _register(self, name: str) -> Mapping[str, Any]:
        if name not in self._registers:
            raise KeyError(f"a register must be one of {', '.join(self._registers)}, not {name!r}")
        return self._registers[name]

    def _field(self, name: str, field: str) -> Mapping[str, Any]:
        fields = {found["name"]: found for found in self._register(name)["fields"]}
        if field not in fields:
            raise KeyError(f"a field of {name} must be one of {', '.join(fields)}, not {field!r}")
        return fields[field]  # type: ignore[no-any-return]

    def _rest(self) -> None:
        for _ in range(MOST_POLLS):
            if not self.read_field("status", "busy"):
                return
        raise TimeoutError("an accelerator must come to rest, and this one did not")

    def _cause(self, code: int) -> str:
        """Return the name of an error, which the field's summary gives as ``0: none, 1: magic``."""
        listed = self._field("status", "error")["summary"].split(", ")
        names = dict(entry.split(": ", 1) for entry in listed if ": " in entry)
        return names.get(str(code), str(code))
