"""A control unit in Amaranth's simulator: a host, the memory of the program, and engines that take as long as told."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.sim import Simulator

from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.control import ControlUnit
from vitaccel_rtl.accelerator.control_map import PARAMETERS, START, machine_registers
from vitaccel_rtl.accelerator.fetch import GEOMETRY
from vitaccel_rtl.accelerator.issue_timing import Issued
from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory
from vitaccel_sim.bench.dma_jobs import limits_of

MACHINE = {field.name: 8 + place for place, field in enumerate(PARAMETERS)}
ADDRESS = {register.name: register.address for register in machine_registers()}
PATIENCE = 3000


@dataclass(frozen=True)
class Step:
    """An instruction: what its engine does, and its 1024 bits."""

    issued: Issued
    words: tuple[int, ...]

    @property
    def bits(self) -> int:
        return int.from_bytes(b"".join(word.to_bytes(4, "little") for word in self.words), "little")


def random_program(rng: random.Random, count: int, *, quick: bool) -> list[Step]:
    """Instructions with random fields, engines, times, and waits for some of those before them."""
    steps: list[Step] = []
    sent = dict.fromkeys(isa.ENGINES, 0)
    for _ in range(count):
        operation = rng.choice(list(isa.OPERATIONS.values()))
        waits = tuple(rng.choice((0, rng.randint(0, sent[name]), sent[name])) for name in isa.ENGINES)
        fields = {placed.field.name: rng.getrandbits(placed.field.bits) for placed in operation.places}
        fields |= {f"wait_{name}": wait for name, wait in zip(isa.ENGINES, waits, strict=True)}
        occupied = rng.randint(1, 30 if quick else 300)
        issued = Issued(engine=operation.engine, waits=waits, occupied=occupied, latency=occupied + rng.randint(0, 5))
        steps.append(Step(issued, operation.encode(fields)))
        sent[operation.engine] += 1
    return steps


def program_bytes(steps: Sequence[Step], **header: int) -> bytes:
    """The program as it is in memory; *header* replaces what its header should say."""
    values = {"magic": isa.MAGIC, "version": isa.VERSION, "instructions": len(steps), **MACHINE, **header}
    words = [values[field.name] for field in isa.HEADER]
    start = b"".join(word.to_bytes(4, "little") for word in words).ljust(isa.HEADER_BYTES, b"\xa5")
    return start + b"".join(step.bits.to_bytes(isa.INSTRUCTION_BYTES, "little") for step in steps)


@dataclass
class Engine:
    """Accepts at phase 0 when it is free, and pulses `done` in order."""

    steps: list[Step]
    accepted: list[tuple[int, int]] = field(default_factory=list)
    dones: list[int] = field(default_factory=list)
    free_at: int = 0

    def is_ready(self, cycle: int) -> bool:
        return cycle >= 0 and cycle % 8 == 0 and cycle >= self.free_at

    def is_done(self, cycle: int) -> bool:
        return cycle in self.dones

    def accept(self, cycle: int, bits: int) -> None:
        issued = self.steps[len(self.accepted)].issued
        self.accepted.append((cycle, bits))
        self.free_at = cycle + issued.occupied
        self.dones.append(cycle + issued.latency)


class Bench:
    """Runs coroutines of a host against a unit; see :meth:`host`.

    Attributes
    ----------
    cycle
        Of the run, from 0; None before the first.
    """

    def __init__(
        self,
        *,
        content: bytearray,
        behaviour: Behaviour | None = None,
        errors: Mapping[int, int] | None = None,
        seed: int = 0,
        **parameters: Any,
    ) -> None:
        self.unit = ControlUnit(parameters=MACHINE, **parameters)
        self.memory = ReadMemory(
            limits=limits_of(GEOMETRY),
            content=content,
            behaviour=behaviour or Behaviour(),
            rng=random.Random(seed),
            errors=dict(errors or {}),
        )
        self.engines = [Engine([]) for _ in isa.ENGINES]
        self.now = 0
        self.zero: int | None = None
        self.interrupts: list[int] = []
        self.faults: set[tuple[int, int]] = set()
        self._values: dict[int, int] = {}

    @property
    def cycle(self) -> int:
        return -1 if self.zero is None else self.now - self.zero

    def simulate(self, host: Any) -> None:
        """Run ``host(bench)``, a coroutine function, to its end."""

        async def bench(ctx: Any) -> None:
            self.ctx = ctx
            await host(self)

        simulator = Simulator(self.unit)
        simulator.add_clock(1e-8)
        simulator.add_testbench(bench)
        simulator.run()

    def set(self, port: Any, value: int) -> None:
        """Set a port, unless it has that value."""
        if self._values.get(id(port)) != value:
            self._values[id(port)] = value
            self.ctx.set(port, value)

    async def tick(self) -> None:
        """One cycle of everything but the host."""
        ctx, unit = self.ctx, self.unit
        for name, value in self.memory.drive(self.now).items():
            self.set(getattr(unit, f"p_axi_{name}"), value)
        for place, engine in enumerate(self.engines):
            self.set(unit.engines[place].ready, engine.is_ready(self.cycle))
            self.set(unit.done[place], engine.is_done(self.cycle))
        for place in range(2):
            self.set(unit.error[place], (place, self.cycle) in self.faults)
        if self.cycle >= 0:
            assert ctx.get(unit.phase) == self.cycle % 8
        for place, engine in enumerate(self.engines):
            if engine.is_ready(self.cycle) and ctx.get(unit.engines[place].valid):
                bits = ctx.get(unit.engines[place].p.words)
                assert ctx.get(unit.engines[place].p.operation) == bits & 0xFF
                engine.accept(self.cycle, bits)
        if ctx.get(unit.interrupt):
            self.interrupts.append(self.cycle)
        self.memory.sample(tuple(ctx.get(getattr(unit, f"p_axi_{name}")) for name in self.memory.outputs), self.now)
        await ctx.tick()
        self.now += 1

    async def write(self, name: str, value: int) -> int:
        """Write a register, and return the cycle in which that was accepted."""
        unit, accepted = self.unit, self.now
        for part, of_it in {"awaddr": ADDRESS[name], "wdata": value, "wstrb": 0xF, "awvalid": 1, "wvalid": 1}.items():
            self.set(getattr(unit, f"s_axi_{part}"), of_it)
        assert self.ctx.get(unit.s_axi_awready)
        assert self.ctx.get(unit.s_axi_wready)
        await self.tick()
        for part, of_it in {"awvalid": 0, "wvalid": 0, "bready": 1}.items():
            self.set(getattr(unit, f"s_axi_{part}"), of_it)
        while not self.ctx.get(unit.s_axi_bvalid):
            await self.tick()
        await self.tick()
        self.set(unit.s_axi_bready, 0)
        return accepted

    async def read(self, name: str) -> int:
        """Return what a register says."""
        unit = self.unit
        self.set(unit.s_axi_araddr, ADDRESS[name])
        self.set(unit.s_axi_arvalid, 1)
        await self.tick()
        self.set(unit.s_axi_arvalid, 0)
        while not self.ctx.get(unit.s_axi_rvalid):
            await self.tick()
        value: int = self.ctx.get(unit.s_axi_rdata)
        self.set(unit.s_axi_rready, 1)
        await self.tick()
        self.set(unit.s_axi_rready, 0)
        return value

    async def start(self, steps: Sequence[Step], address: int) -> None:
        """Start a program that is in memory."""
        for place, name in enumerate(isa.ENGINES):
            self.engines[place] = Engine([step for step in steps if step.issued.engine == name])
        self.zero = None
        await self.write("program", address)
        await self.write("interrupt_enable", 3)
        self.zero = await self.write("control", 1 << START) + 3
        self.interrupts = []

    async def rest(self) -> int:
        """Wait until the unit is at rest, and return its status."""
        for _ in range(PATIENCE):
            status = await self.read("status")
            if not status & 1:
                return status
            for _ in range(20):
                await self.tick()
        raise AssertionError(f"the run must end, not go on in cycle {self.cycle}")


def starts_of(bench: Bench, steps: Sequence[Step]) -> list[int]:
    """Return when instructions started, in the order of the program, and check that each is what was sent.

    Of a run that ended early these are the first instructions of each engine.
    """
    waiting = {name: list(bench.engines[place].accepted) for place, name in enumerate(isa.ENGINES)}
    starts = []
    for step in steps:
        if waiting[step.issued.engine]:
            cycle, bits = waiting[step.issued.engine].pop(0)
            assert bits == step.bits
            starts.append(cycle)
    assert not any(waiting.values())
    return starts
