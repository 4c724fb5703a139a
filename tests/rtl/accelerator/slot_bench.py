"""A slot buffer, what is tied to its clients, and a plain model of what was written when."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.slot_buffer import SlotBuffer

SLOTS = latency.SLOTS


class Machine(wiring.Component):
    """A slot buffer with its phase counter, and blocks that have a port ``memory`` to one of its clients."""

    def __init__(
        self, *, side: int, words: int, readers: dict[int, Any] | None = None, writers: dict[int, Any] | None = None
    ) -> None:
        super().__init__({})
        self.buffer = SlotBuffer(side=side, words=words)
        self.readers = readers or {}
        self.writers = writers or {}
        self.late = 0

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = self.buffer
        phase = Signal(3)
        m.d.sync += phase.eq(phase + 1)
        m.d.comb += self.buffer.phase.eq(phase)
        for side, ports, blocks in (
            ("read", self.buffer.reads, self.readers),
            ("write", self.buffer.writes, self.writers),
        ):
            for client, block in blocks.items():
                m.submodules[f"{side}_{client}"] = block
                m.d.comb += block.phase.eq(phase + self.late)
                wiring.connect(m, block.memory, ports[client])
        return m


def simulate(machine: Any, drives: Iterable[dict[Any, int]], probes: list[Any]) -> list[tuple[int, ...]]:
    """Return what the *probes* are in each cycle; *drives* says for each what its inputs are, 0 where it says nothing.

    The first cycle has phase 0.
    """
    seen: list[tuple[int, ...]] = []
    values = [Value.cast(probe) for probe in probes]

    async def bench(ctx: Any) -> None:
        high: set[Any] = set()
        for drive in drives:
            for port in high - set(drive):
                ctx.set(port.signal, 0)
            for port, value in drive.items():
                ctx.set(port.signal, value)
            high = set(drive)
            seen.append(tuple((await ctx.tick().sample(*values))[2:]))

    simulator = Simulator(machine)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@dataclass(frozen=True, eq=False)
class Port:
    """A port of a block: something that dictionaries can be made of."""

    signal: Any


class Written:
    """What was written to which word in which cycle."""

    def __init__(self) -> None:
        self._writes: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def write(self, cycle: int, address: int, word: int) -> None:
        self._writes[address].append((cycle, word))

    def read(self, cycle: int, address: int) -> int | None:
        """Return what a read in a cycle returns; ``None`` where it meets a write."""
        word, latest = 0, -1
        for when, what in self._writes[address]:
            if when == cycle:
                return None
            if latest < when < cycle:
                word, latest = what, when
        return word


@dataclass(frozen=True)
class Run:
    """Words from an address on, from a cycle on, and what their wait is."""

    start: int
    address: int
    count: int
    wait: int


def closest_runs(
    rng: random.Random, *, words: int, cycles: int, client: int, first: int, starts: int, idle: float = 0.0
) -> list[Run]:
    """Return random runs, each as close behind the one before as it may be, or later with the probability *idle*.

    A run that starts at t waits ``(address - client - first - t) % 8``, and starts in cycles that are multiples of
    *starts*.
    """
    runs: list[Run] = []
    free = begins = 0
    while True:
        count = min(rng.choice([1, 2, 3, 7, 8, 9, 15, 16, 17, rng.randint(1, 40)]), words)
        address = rng.randint(0, words - count)
        start = free + (rng.randint(1, 20) if rng.random() < idle else 0)
        start += -start % starts
        while (wait := (address - client - first - start) % SLOTS) + start < begins:
            start += starts
        if start + wait + count > cycles:
            return runs
        runs.append(Run(start, address, count, wait))
        free, begins = start + count, start + wait + count
