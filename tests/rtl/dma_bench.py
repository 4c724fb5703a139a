"""Drive a DMA engine and its memory in Amaranth's simulator: descriptors and words in, words and statuses out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.sim import Simulator

from tests.rtl.axi_memory import Behaviour, ReadSide, Side, WriteSide
from tests.rtl.stream_bench import FULL_SPEED, Profile, pack, payload_shape, unpack
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_timing import Job

MEMORY_BYTES = 1 << 18
PATIENCE = 1200


@dataclass
class DmaRun:
    """What came out, and in which cycles what happened."""

    words: list[Any]
    statuses: list[int]
    accepted: list[int]
    offered: list[int]
    done: list[int]
    memory: Side
    cycles: int = 0


@dataclass
class Source:
    """Offers packed payloads on a stream port."""

    port: Any
    payloads: list[int]
    idle: float
    accepted: list[int] = field(default_factory=list)
    valid: bool = False

    @property
    def bits(self) -> Any:
        return self.port.payload.as_value()

    def drive(self, ctx: Any, rng: random.Random) -> None:
        sent = len(self.accepted)
        if not self.valid and sent < len(self.payloads) and rng.random() >= self.idle:
            self.valid = True
            ctx.set(self.bits, self.payloads[sent])
        ctx.set(self.port.valid, self.valid)

    def sample(self, ready: int, cycle: int) -> None:
        if self.valid and ready:
            self.accepted.append(cycle)
            self.valid = False


@dataclass
class Sink:
    """Takes payloads of a stream port, and checks that they stay as they are until then."""

    port: Any
    stall: float
    taken: list[int] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)
    held: int | None = None
    ready: bool = False

    @property
    def bits(self) -> Any:
        return self.port.payload.as_value()

    def drive(self, ctx: Any, rng: random.Random) -> None:
        self.ready = rng.random() >= self.stall
        ctx.set(self.port.ready, self.ready)

    def sample(self, valid: int, bits: int, cycle: int) -> None:
        if self.held is not None:
            assert valid, f"cycle {cycle}: valid fell before the word was accepted"
            assert bits == self.held, f"cycle {cycle}: the payload changed before it was accepted"
        elif valid:
            self.offered.append(cycle)
        if valid and self.ready:
            self.taken.append(bits)
        self.held = bits if valid and not self.ready else None


def run_dma(
    dut: Any,
    jobs: Sequence[Job],
    content: bytearray,
    *,
    words: Sequence[Sequence[int]] | None = None,
    behaviour: Behaviour | None = None,
    profile: Profile = FULL_SPEED,
    errors: dict[int, int] | None = None,
    seed: int = 0,
) -> DmaRun:
    """Run *jobs* on a read engine, or on a write engine when there are *words*; until every status came."""
    rng = random.Random(seed)
    behaviour = behaviour or Behaviour()
    side = (ReadSide if words is None else WriteSide)(dut, content, behaviour, random.Random(seed + 1), errors or {})
    layout = payload_shape(dut.i.signature)
    descriptors = Source(dut.i, [pack(layout, vars(job)) for job in jobs], profile.idle)
    sources, sinks = [descriptors], [Sink(dut.status, profile.stall)]
    if words is None:
        sinks.append(Sink(dut.o, profile.stall))
    else:
        shape = payload_shape(dut.words.signature)
        sources.append(Source(dut.words, [pack(shape, {"lanes": word}) for word in words], profile.idle))
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        quiet = tail = 0
        outputs = [source.port.ready for source in sources]
        for sink in sinks:
            outputs += [sink.port.valid, sink.bits]
        count = len(outputs)
        while tail < 20:
            tail += len(sinks[0].taken) >= len(jobs)
            for part in (*sources, *sinks):
                part.drive(ctx, rng)
            side.drive(ctx, cycles)
            _, _, *values = await ctx.tick().sample(*outputs, *side.outputs)
            before = progress()
            for place, source in enumerate(sources):
                source.sample(values[place], cycles)
            for place, sink in enumerate(sinks):
                at = len(sources) + 2 * place
                sink.sample(values[at], values[at + 1], cycles)
            side.sample(tuple(values[count:]), cycles)
            quiet = 0 if progress() != before else quiet + 1
            assert quiet < PATIENCE or tail, f"{len(sinks[0].taken)} of {len(jobs)} jobs are done, then nothing"
            cycles += 1

    def progress() -> int:
        streams = sum(len(source.accepted) for source in sources) + sum(len(sink.taken) for sink in sinks)
        return streams + sum(map(len, side.log.values()))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(sinks[0].taken) == len(jobs)
    assert all(len(source.accepted) == len(source.payloads) for source in sources)
    out = [] if words is not None else [unpack(payload_shape(dut.o.signature), bits) for bits in sinks[1].taken]
    offered = sinks[1].offered if words is None else sources[1].accepted
    return DmaRun(out, sinks[0].taken, descriptors.accepted, offered, sinks[0].offered, side, cycles)


def memory(seed: int) -> bytearray:
    """Return random bytes."""
    return bytearray(random.Random(seed).randbytes(MEMORY_BYTES))


def row_addresses(job: Job) -> list[int]:
    """Return where each row of a job begins."""
    return [job.address + row * job.stride_bytes for row in range(job.rows)]


def random_job(rng: random.Random, geometry: Geometry, most_bytes: int) -> Job:
    """Return a descriptor within the memory: one row or many, with a gap or without, short rows or long ones."""
    align = geometry.row_align_bytes
    rows = rng.choice((1, 1, 2, 3, rng.randint(1, 12)))
    row_bytes = rng.choice(
        (1, align, rng.randint(1, 3 * geometry.word_bytes), rng.randint(1, max(1, most_bytes // rows)))
    )
    if rng.random() < 0.5:
        row_bytes = -(-row_bytes // align) * align
        stride = row_bytes
    else:
        stride = (-(-row_bytes // align) + rng.randint(0, 5)) * align
    near_page = rng.choice((0, PAGE_EDGE - rng.randint(0, 2 * geometry.beat_bytes), rng.randrange(MEMORY_BYTES // 2)))
    address = near_page // align * align
    return Job(address=address, rows=rows, row_bytes=row_bytes, stride_bytes=stride)


PAGE_EDGE = 4096
