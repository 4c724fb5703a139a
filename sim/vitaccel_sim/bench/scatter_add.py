"""The bench of a scatter-add: the sums of its queues under every pair of profiles, in a memory of any latency.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the parameters ``short`` and ``long`` (runs, made by
:func:`vitaccel_sim.benches.routed.routed_parameters`), ``answer`` and ``cycles``: from accepting the first job
of ``short`` to the end of its last, when every read is answered after *answer* cycles.
"""

from __future__ import annotations

from typing import Any

import cocotb

from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.routed_bins import LENGTH_BINS, SUM_BINS
from vitaccel_sim.bench.routed_exchange import RoutedBench

SOME_PAIRS = (("always", "always"), ("adversarial", "adversarial"), ("bursts", "random"), ("always", "rare"))
RESET_AFTER_CYCLES = (1, 2, 3, 5, 9, 17, 33, 65)
SLOWEST = 40
"""Cycles of answers that are later than the last read which may be under way."""

BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    *LENGTH_BINS,
    *SUM_BINS,
    "answers after one cycle",
    "answers later than reads in flight",
    "reset in a job",
    "latency as declared",
)


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


@cocotb.test()
async def equal_words_under_every_pair_of_profiles(dut: Any) -> None:
    """The same words, whoever waits for whom, and whenever the memory answers."""
    bench = RoutedBench(dut, COVERAGE)
    await bench.start()
    for idle in PROFILES:
        for stall in PROFILES:
            await bench.exchange("short", idle=idle, stall=stall)
            bench.hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def long_queues(dut: Any) -> None:
    """Queues of many blocks, and memories of one speed."""
    bench = RoutedBench(dut, COVERAGE)
    await bench.start()
    for idle, stall in SOME_PAIRS:
        await bench.exchange("long", idle=idle, stall=stall)
    await bench.exchange("long", answer=1)
    bench.hit("answers after one cycle")
    await bench.exchange("long", answer=SLOWEST)
    bench.hit("answers later than reads in flight")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle of a run; then another whole run."""
    bench = RoutedBench(dut, COVERAGE)
    await bench.start()
    for cycles in RESET_AFTER_CYCLES:
        await bench.exchange("long", stall="random", cycles=cycles)
        await bench.exchange("short")
        bench.hit("reset in a job")


@cocotb.test()
async def declared_latency(dut: Any) -> None:
    """The last job ends as late as the component says."""
    bench = RoutedBench(dut, COVERAGE)
    await bench.start()
    done = await bench.exchange("short", answer=bench.parameters["answer"])
    cycles, expected = done.busy[-1] + 1 - done.accepted["job"][0], bench.parameters["cycles"]
    assert cycles == expected, f"queues must take {expected} cycles, not {cycles}"
    bench.hit("latency as declared")
