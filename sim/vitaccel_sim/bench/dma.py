"""The bench of the DMA engines: every behaviour of a memory, under profiles of the streams on chip.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with what
:func:`vitaccel_sim.benches.dma.bench_case` returns: payloads of descriptors and
words, the memory's bytes before and, for a write engine, after, the words that a read engine must make, and what its
cycles follow from.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Mapping
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel_rtl.dma_timing import Job, ReadEngine, WriteEngine
from vitaccel_sim.bench.axi_memory import (
    BEHAVIOURS,
    DECODE_ERROR,
    SLAVE_ERROR,
    Behaviour,
    ReadMemory,
    WriteMemory,
)
from vitaccel_sim.bench.axi_rules import Limits
from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.bench.dma_exchange import DmaExchange
from vitaccel_sim.bench.ports import read
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

BINS = (
    *(f"memory={behaviour}" for behaviour in BEHAVIOURS),
    *(f"on chip={profile}" for profile in PROFILES),
    "as many bursts in flight as may be",
    "a page's end",
    "an error of the slave",
    "an error of the decoder",
    "large jobs begin",
    "reset with bursts in flight",
    "cycles as declared",
)
COVERAGE = Coverage(BINS)


ERRORS = {"slave": SLAVE_ERROR, "decoder": DECODE_ERROR}

LATENCIES = (1, 7, 50)
"""Cycles of memories in which beats and statuses are timed."""

LARGE_CYCLES = 100
"""Until jobs that would take hours are given up."""

CHANNEL = re.compile(r"m_axi_(?:aw|ar|w)")
"""How the outputs of a channel begin that has a *valid* of the engine."""


class DmaBench:
    """An engine and its case.

    Parameters
    ----------
    dut
        The top module.
    """

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.case = bench_parameters()
        self.limits = Limits(**self.case["limits"])

    async def start(self) -> None:
        """Start the clock and reset."""
        Clock(self.dut.clk, 10, "ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Hold ``rst`` for two cycles; the memory forgets what it was asked for."""
        self.dut.rst.value = 1
        for _ in range(2):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    def exchange(
        self,
        behaviour: Behaviour,
        idle: str,
        stall: str,
        errors: dict[int, int],
        case: Mapping[str, Any] | None = None,
    ) -> DmaExchange:
        """Return jobs, those of the bench unless others are given, with a new memory."""
        case = self.case if case is None else case
        kind = WriteMemory if self.case["writes"] else ReadMemory
        rng = random.Random(f"{cocotb.RANDOM_SEED} {behaviour} {idle} {stall}")
        content = bytearray(base64.b64decode(self.case["content"]))
        memory = kind(limits=self.limits, content=content, behaviour=behaviour, rng=rng, errors=errors)
        return DmaExchange(
            descriptors=case["descriptors"],
            memory=memory,
            words=case["words"],
            idle=PROFILES[idle],
            stall=PROFILES[stall],
            seed=cocotb.RANDOM_SEED,
        )

    async def run(self, exchange: DmaExchange, cycles: int | None = None) -> None:
        """Run jobs to their end, or for so many cycles."""
        while not exchange.is_over and (cycles is None or exchange.cycle < cycles):
            for name, value in exchange.drive().items():
                getattr(self.dut, name).value = value
            await ReadOnly()
            exchange.sample([self._sampled(name, exchange.cycle) for name in exchange.outputs])
            await RisingEdge(self.dut.clk)

    def _sampled(self, name: str, cycle: int) -> int:
        """Return an output, which may be X (and is 0 then) only if it belongs to a word that is not offered."""
        port = getattr(self.dut, name)
        if port.value.is_resolvable or name.endswith(("valid", "ready")):
            return read(port, cycle)
        channel = CHANNEL.match(name)
        offered = f"{channel[0]}valid" if channel else name.replace("__payload", "__valid")
        return read(port, cycle) if read(getattr(self.dut, offered), cycle) else 0

    async def check(self, exchange: DmaExchange, statuses: list[int]) -> None:
        """Run jobs and compare the words, or the memory, and what was said of each job."""
        await self.run(exchange)
        if not self.case["writes"]:
            assert exchange.data.taken == self.case["expected"], "words must be those of the memory"
        assert bytes(exchange.memory.content) == base64.b64decode(self.case["after"]), "the memory must be as expected"
        assert exchange.status.taken == statuses, f"statuses must be {statuses}, not {exchange.status.taken}"
        assert exchange.memory.bursts == [tuple(burst) for burst in self.case["bursts"]], (
            "bursts must be those of the jobs"
        )
        for address, beats in exchange.memory.bursts:
            if not (address + beats * self.limits.beat_bytes) % 4096:
                hit("a page's end")
        if exchange.memory.most_in_flight == self.limits.outstanding:
            hit("as many bursts in flight as may be")

    def check_begun(self, exchange: DmaExchange, case: Mapping[str, Any]) -> None:
        """Compare what was done of jobs that were given up."""
        memory, expected = exchange.memory, [tuple(burst) for burst in case["bursts"]]
        assert memory.bursts == expected[: len(memory.bursts)], "bursts must be those of the jobs"
        if isinstance(memory, ReadMemory):
            assert memory.bursts, "a burst must have begun"
            taken = exchange.data.taken  # type: ignore[union-attr]
            assert taken == case["expected"][: len(taken)], "words must be those of the memory"
            return
        # The words of a long burst are more than are sent: it is not asked for before they are there.
        assert exchange.data.accepted, "words must have been taken"  # type: ignore[union-attr]
        content = bytearray(base64.b64decode(self.case["content"]))
        for address, piece in case["pieces"][: len(memory.bursts) - len(memory.announced)]:
            for place, byte in enumerate(base64.b64decode(piece), start=address):
                content[memory.place(place)] = byte
        assert memory.content == content, "the memory must be as expected"


@cocotb.test()
async def jobs_under_every_behaviour_and_profile(dut: Any) -> None:
    """The same words or bytes, however the memory answers and whoever waits on chip."""
    bench = DmaBench(dut)
    await bench.start()
    for behaviour in BEHAVIOURS:
        await bench.check(bench.exchange(behaviour, "always", "always", {}), [0] * len(bench.case["descriptors"]))
        hit(f"memory={behaviour}")
    for profile in PROFILES:
        await bench.check(bench.exchange(BEHAVIOURS[2], profile, profile, {}), [0] * len(bench.case["descriptors"]))
        hit(f"on chip={profile}")


@cocotb.test()
async def large_jobs_begin_as_they_must(dut: Any) -> None:
    """As many rows as there may be, as long and as far apart, anywhere; given up by a reset."""
    bench = DmaBench(dut)
    await bench.start()
    for place, case in enumerate(bench.case["large"]):
        stall = ("always", "random", "bursts")[place % 3]
        exchange = bench.exchange(BEHAVIOURS[place % len(BEHAVIOURS)], "always", stall, {}, case)
        await bench.run(exchange, LARGE_CYCLES)
        bench.check_begun(exchange, case)
        await bench.reset()
    hit("large jobs begin")


@cocotb.test()
async def an_error_is_told_of_its_job(dut: Any) -> None:
    """SLVERR or DECERR in one beat of the last job or in all, which no other touches; data are as without it."""
    bench = DmaBench(dut)
    beats = bench.case["error_at"]
    assert set(beats).isdisjoint(bench.case["touched"]), "the last job must touch beats of its own"
    await bench.start()
    statuses = [0] * (len(bench.case["descriptors"]) - 1) + [1]
    for origin, response in ERRORS.items():
        for chosen in (beats[:1], [random.Random(cocotb.RANDOM_SEED).choice(beats)], beats[-1:], beats):
            errors = dict.fromkeys(chosen, response)
            await bench.check(bench.exchange(BEHAVIOURS[0], "random", "random", errors), statuses)
        hit(f"an error of the {origin}")


@cocotb.test()
async def declared_cycles(dut: Any) -> None:
    """Every beat and every status in the cycle that the engine declares, so latency and throughput, at full speed."""
    bench = DmaBench(dut)
    await bench.start()
    kind = WriteEngine if bench.case["writes"] else ReadEngine
    for latency_cycles in LATENCIES:
        exchange = bench.exchange(Behaviour(latency=latency_cycles), "always", "always", {})
        await bench.check(exchange, [0] * len(bench.case["descriptors"]))
        engine = kind(**bench.case["engine"], latency_cycles=latency_cycles)
        jobs = zip(bench.case["jobs"], exchange.jobs.accepted, strict=True)
        declared = [engine.job(Job(**job), at) for job, at in jobs]
        assert exchange.memory.beats_at == engine.beats_at, f"beats differ with a memory of {latency_cycles} cycles"
        found = exchange.status.offered
        assert found == declared, f"statuses must come in cycles {declared}, not {found}"
    hit("cycles as declared")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset with bursts in flight, of the engine and its memory; then all jobs again."""
    bench = DmaBench(dut)
    await bench.start()
    for cycles in (5, 11, 14, 23, 40):
        interrupted = bench.exchange(BEHAVIOURS[0], "always", "rare", {})
        await bench.run(interrupted, cycles)
        if interrupted.memory.in_flight:
            hit("reset with bursts in flight")
        await bench.reset()
        await bench.check(bench.exchange(BEHAVIOURS[0], "always", "always", {}), [0] * len(bench.case["descriptors"]))


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
