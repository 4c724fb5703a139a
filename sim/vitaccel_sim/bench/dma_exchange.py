"""A DMA engine between its streams and its memory, cycle by cycle; in any simulator.

Ports go by their names in Verilog. An adapter sets what :meth:`DmaExchange.drive` returns, clocks, and hands over what
it sampled of ``outputs``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from vitaccel_sim.bench.axi_memory import ReadMemory, WriteMemory
from vitaccel_sim.bench.profiles import PROFILES, Profile

PATIENCE_CYCLES = 2500
"""Cycles in which nothing moves after which an engine hangs."""

TAIL_CYCLES = 30
"""Cycles after the last status in which a word or a burst too many would show."""


class Source:
    """Offers payloads on an input stream."""

    def __init__(self, name: str, payloads: Sequence[int], profile: Profile, rng: random.Random) -> None:
        self.name = name
        self.payloads = payloads
        self.accepted: list[int] = []
        self.outputs = (f"{name}__ready",)
        self._acts = profile.start(rng)
        self._offers = self._was_ready = False

    def drive(self) -> dict[str, int]:
        """Return the ports to set in this cycle."""
        sent = len(self.accepted)
        ports = {}
        if self._acts(self._was_ready) and not self._offers and sent < len(self.payloads):
            self._offers = True
            ports[f"{self.name}__payload"] = self.payloads[sent]
        return {**ports, f"{self.name}__valid": int(self._offers)}

    def sample(self, values: tuple[int, ...], cycle: int) -> None:
        """Take what was sampled of ``outputs``."""
        self._was_ready = bool(values[0])
        if self._offers and self._was_ready:
            self.accepted.append(cycle)
            self._offers = False


class Sink:
    """Takes payloads of an output stream, and checks that each stays as it is until then."""

    def __init__(self, name: str, profile: Profile, rng: random.Random) -> None:
        self.name = name
        self.taken: list[int] = []
        self.offered: list[int] = []
        self.outputs = (f"{name}__valid", f"{name}__payload")
        self._acts = profile.start(rng)
        self._held: int | None = None
        self._takes = self._was_valid = False

    def drive(self) -> dict[str, int]:
        """Return the ports to set in this cycle."""
        self._takes = self._acts(self._was_valid)
        return {f"{self.name}__ready": int(self._takes)}

    def sample(self, values: tuple[int, ...], cycle: int) -> None:
        """Take what was sampled of ``outputs``."""
        valid, payload = values
        if self._held is not None and (not valid or payload != self._held):
            what = "the payload changed" if valid else "valid fell"
            raise AssertionError(f"cycle {cycle}: {what} before the word of {self.name} was accepted")
        if valid and self._held is None:
            self.offered.append(cycle)
        if valid and self._takes:
            self.taken.append(payload)
        self._held = payload if valid and not self._takes else None
        self._was_valid = bool(valid)


@dataclass
class DmaExchange:
    """Jobs through an engine, until the status of each came, and some cycles more.

    Parameters
    ----------
    descriptors
        Packed payloads of ``i``.
    memory
        Of the engine's kind.
    words
        Packed payloads of ``words``, for a write engine.
    idle, stall
        Of what offers and of what takes on chip.
    seed
        Of these.
    """

    descriptors: Sequence[int]
    memory: ReadMemory | WriteMemory
    words: Sequence[int] = ()
    idle: Profile = PROFILES["always"]
    stall: Profile = PROFILES["always"]
    seed: int = 0
    cycle: int = field(default=0, init=False)
    _quiet: int = field(default=0, init=False)
    _tail: int = field(default=0, init=False)
    _moved: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.jobs = Source("i", self.descriptors, self.idle, rng)
        self.status = Sink("status", self.stall, rng)
        is_read = isinstance(self.memory, ReadMemory)
        self.data = Sink("o", self.stall, rng) if is_read else Source("words", self.words, self.idle, rng)
        self.streams: tuple[Source | Sink, ...] = (self.jobs, self.status, self.data)
        on_chip = tuple(name for stream in self.streams for name in stream.outputs)
        self.outputs = (*on_chip, *(f"m_axi_{name}" for name in self.memory.outputs))

    @property
    def is_over(self) -> bool:
        """Whether every status came and nothing more did for some time."""
        return self._tail > TAIL_CYCLES

    def drive(self) -> dict[str, int]:
        """Return the ports to set in this cycle."""
        ports = {f"m_axi_{name}": value for name, value in self.memory.drive(self.cycle).items()}
        for stream in self.streams:
            ports |= stream.drive()
        return ports

    def sample(self, values: Sequence[int]) -> None:
        """Take what was sampled of ``outputs`` in this cycle.

        Raises
        ------
        AssertionError
            If a rule of a stream or of AXI is broken, or nothing moves although jobs are left.
        """
        at = 0
        for stream in self.streams:
            stream.sample(tuple(values[at : at + len(stream.outputs)]), self.cycle)
            at += len(stream.outputs)
        self.memory.sample(tuple(values[at:]), self.cycle)
        moved = self.memory.moves + len(self.jobs.accepted) + len(self.status.taken)
        moved += len(self.data.taken) if isinstance(self.data, Sink) else len(self.data.accepted)
        self._quiet = self._quiet + 1 if moved == self._moved else 0
        self._moved = moved
        done = len(self.status.taken)
        self._tail += done >= len(self.descriptors)
        if self._quiet > PATIENCE_CYCLES:
            raise AssertionError(f"cycle {self.cycle}: nothing moves; {done} of {len(self.descriptors)} jobs are done")
        self.cycle += 1
