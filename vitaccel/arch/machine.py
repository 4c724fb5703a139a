"""A machine: one record that holds every number a pass or a cost model may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from vitaccel.arch.parts import Buffers, Energy, Limits, Memory, Numerics, PeArrays, Routing, check
from vitaccel.arch.settings import parse_pe, set_value


@dataclass(frozen=True)
class Arch:
    """A machine: everything the compiler and the cost model may know about it.

    Parameters
    ----------
    name, description
        One printable line each; they are shown and change nothing.
    frequency_hz
        Clock of the arrays, the buffers and the ports; 1 kHz to 100 GHz.
    array, memory, buffers, numerics, moe, limits, energy
        The parts; see :mod:`vitaccel.arch.parts`. The defaults are the preset ``default``.
    """

    name: str = "default"
    description: str = "A small machine: 8x8 PEs at 200 MHz, one 128-bit port, memory that keeps up."
    frequency_hz: float = 200e6
    array: PeArrays = field(default_factory=PeArrays)
    memory: Memory = field(default_factory=Memory)
    buffers: Buffers = field(default_factory=Buffers)
    numerics: Numerics = field(default_factory=Numerics)
    moe: Routing = field(default_factory=Routing)
    limits: Limits = field(default_factory=Limits)
    energy: Energy = field(default_factory=Energy)

    def __post_init__(self) -> None:
        check(self.name.isprintable() and bool(self.name), f"name must be one printable line, not {self.name!r}")
        check(self.description.isprintable(), f"description must be one printable line, not {self.description!r}")
        check(1e3 <= self.frequency_hz <= 1e11, f"frequency_hz must be 1e3 to 1e11, not {self.frequency_hz}")

    @cached_property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes a streaming transfer moves in one cycle: the ports or the DRAM, whichever is slower."""
        if not self.memory.peak_bytes_per_s:
            return float(self.memory.beat_bytes)
        dram = self.memory.peak_bytes_per_s * self.memory.efficiency / self.frequency_hz
        return min(float(self.memory.beat_bytes), dram)

    def with_pe(self, text: str) -> Arch:
        """The same machine with another PE array: ``64`` (8x8), ``16x16`` or ``3x32x32``.

        Raises
        ------
        ArchError
            If the count is not the square of a side from 4 to 32, or the text has another form.
        """
        return replace(self, array=replace(self.array, **parse_pe(text)))

    def with_settings(self, settings: Mapping[str, str]) -> Arch:
        """The same machine with ``key=value`` settings applied in order, keys dotted as in TOML (``memory.bus_bits``).

        Raises
        ------
        ArchError
            If a key is unknown, a value has the wrong type, or the machine would be impossible.
        """
        arch = self
        for key, text in settings.items():
            arch = set_value(arch, key.split("."), text, key)
        return arch

    def exceeded_limits(self) -> tuple[str, ...]:
        """One sentence for every limit of the device this machine breaks."""
        broken = []
        needed, there = self.array.multipliers, self.limits.multipliers
        if 0 < there < needed:
            broken.append(f"the {self.array} PE array needs {needed} multipliers of the {there} there are")
        needed, there = self.buffers.total_bytes * 8, self.limits.memory_bits
        if 0 < there < needed:
            broken.append(f"the buffers need {needed} bits of block RAM of the {there} there are")
        return tuple(broken)
