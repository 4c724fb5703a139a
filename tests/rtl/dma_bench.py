"""Run jobs on a DMA engine in Amaranth's simulator, against the memory that the cocotb bench also has."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_timing import Job
from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory, WriteMemory
from vitaccel_sim.bench.dma_exchange import DmaExchange
from vitaccel_sim.bench.dma_jobs import limits_of, packed_job
from vitaccel_sim.bench.profiles import PROFILES

POINTS: tuple[dict[str, Any], ...] = (
    {"data_bits": 32, "word_bytes": 4, "burst_beats": 16, "outstanding": 8},
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 8, "align_bytes": 1},
    {"data_bits": 128, "word_bytes": 12, "burst_beats": 1, "outstanding": 1},
    {"data_bits": 128, "word_bytes": 5, "burst_beats": 256, "outstanding": 8, "align_bytes": 5},
    {"data_bits": 512, "word_bytes": 32, "burst_beats": 256, "outstanding": 8, "align_bytes": 1},
    {"data_bits": 32, "word_bytes": 32, "burst_beats": 256, "outstanding": 2, "align_bytes": 2},
    {"data_bits": 64, "word_bytes": 24, "burst_beats": 1, "outstanding": 8, "address_bits": 40},
)
"""Parameters of the engines under test: buses narrower and wider than words, with places of a word from one to all."""

SLOW = (2, 4, 5, 6)
SOME = tuple(pytest.param(point, marks=[pytest.mark.full] * (at in SLOW)) for at, point in enumerate(POINTS))
"""The same; those whose beats or words are wide, or whose bursts are short, only in the full run."""

TIMED: tuple[dict[str, Any], ...] = (
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 4},
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 2, "align_bytes": 1},
    {"data_bits": 128, "word_bytes": 5, "burst_beats": 4, "outstanding": 1, "align_bytes": 5},
    {"data_bits": 32, "word_bytes": 12, "burst_beats": 1, "outstanding": 8},
    {"data_bits": 128, "word_bytes": 16, "burst_beats": 256, "outstanding": 2},
)
"""Parameters where cycles are compared with the declared ones."""


def most_bytes(geometry: Geometry) -> int:
    """Return the bytes of the longest job that is drawn: some bursts."""
    return 40 * geometry.beat_bytes


def timing_parameters(geometry: Geometry) -> dict[str, int]:
    """Return the parameters of an engine that its timing depends on."""
    return {**geometry.sizes, "burst_beats": geometry.longest_burst, "outstanding": geometry.outstanding}


def run_dma(
    engine: Any,
    jobs: Sequence[Job],
    content: bytearray,
    *,
    words: Sequence[int] | None = None,
    behaviour: Behaviour | None = None,
    idle: str = "always",
    stall: str = "always",
    errors: dict[int, int] | None = None,
    seed: int = 0,
    reset_at: int | None = None,
) -> DmaExchange:
    """Run *jobs* on a read engine, or on a write engine when there are *words*.

    With *reset_at* there is a first run, which is reset with its memory in that cycle.
    """
    kind = ReadMemory if words is None else WriteMemory
    reset = Signal()

    def exchange() -> DmaExchange:
        memory = kind(
            limits=limits_of(engine.geometry),
            content=content,
            behaviour=behaviour or Behaviour(),
            rng=random.Random(seed + 1),
            errors=errors or {},
        )
        descriptors = [packed_job(job, engine.geometry) for job in jobs]
        profiles = {"idle": PROFILES[idle], "stall": PROFILES[stall]}
        return DmaExchange(descriptors=descriptors, memory=memory, words=words or (), seed=seed, **profiles)

    result = exchange()

    async def bench(ctx: Any) -> None:
        nonlocal result
        was_reset = False
        while not result.is_over:
            for name, value in result.drive().items():
                ctx.set(port(engine, name), value)
            _, _, *values = await ctx.tick().sample(*(port(engine, name) for name in result.outputs))
            result.sample(values)
            if result.cycle == reset_at and not was_reset:
                was_reset = True
                ctx.set(reset, 1)
                await ctx.tick()
                ctx.set(reset, 0)
                result = exchange()

    simulator = Simulator(ResetInserter(reset)(engine))
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return result


def port(engine: Any, name: str) -> Any:
    """Return a port by its name in Verilog."""
    stream, _, part = name.partition("__")
    if not part:
        return getattr(engine, name)
    value = getattr(getattr(engine, stream), part)
    return value.as_value() if part == "payload" else value


def plans_of(jobs: Sequence[Job], geometry: Geometry) -> list[dict[str, int]]:
    """Return the plan of every word of *jobs*, from the addresses of its first and its last byte."""
    plans = []
    beat_bytes, word_bytes = geometry.beat_bytes, geometry.word_bytes
    for job in jobs:
        is_one_run = job.stride_bytes == job.row_bytes
        for row in range(job.rows):
            start = job.address + row * job.stride_bytes
            opens, closes = (edge or not is_one_run for edge in (row == 0, row == job.rows - 1))
            for at in range(start, start + job.row_bytes, word_bytes):
                end = min(at + word_bytes, start + job.row_bytes)
                ends_row = end == start + job.row_bytes
                plans.append(
                    {
                        "start": at % beat_bytes,
                        "span": (end - 1) // beat_bytes - at // beat_bytes,
                        "count": end - at,
                        "begins": int((at == start and opens) or at % beat_bytes == 0),
                        "ends": int((ends_row and closes) or end % beat_bytes == 0),
                        "last_of_row": int(ends_row),
                        "last": int(ends_row and row == job.rows - 1),
                    }
                )
    return plans
