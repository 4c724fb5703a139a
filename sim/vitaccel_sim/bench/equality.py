"""The bench of every stream block: the words it must make, under every pair of profiles, and after a reset.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the parameters ``words`` and ``expected`` (payloads as
integers, from the reference), and optionally ``last_in`` and ``latency_cycles``: how many cycles after word ``last_in``
was accepted the first result is offered.
"""

from __future__ import annotations

from typing import Any

import cocotb

from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.scoreboard import Scoreboard
from vitaccel_sim.bench.stream import StreamBench
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

BINS = (*cross(idle=PROFILES, stall=PROFILES), "reset with words inside", "latency as declared")


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


@cocotb.test()
async def equal_words_under_every_pair_of_profiles(dut: Any) -> None:
    """The same words, whoever waits for whom."""
    parameters = bench_parameters()
    bench = StreamBench(dut, seed=cocotb.RANDOM_SEED)
    await bench.start()
    for idle in PROFILES.values():
        for stall in PROFILES.values():
            try:
                await bench.exchange(parameters["words"], Scoreboard(parameters["expected"]), idle=idle, stall=stall)
            except AssertionError as error:
                raise AssertionError(f"idle {idle}, stall {stall}: {error}") from None
            hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def declared_latency(dut: Any) -> None:
    """The first result is offered as late as the component says."""
    parameters = bench_parameters()
    bench = StreamBench(dut, seed=cocotb.RANDOM_SEED)
    await bench.start()
    run = await bench.exchange(parameters["words"], Scoreboard(parameters["expected"]))
    if "latency_cycles" not in parameters:
        return
    latency = run.offered[0] - run.accepted[parameters.get("last_in", 0)]
    assert latency == parameters["latency_cycles"], f"latency must be {parameters['latency_cycles']}, not {latency}"
    hit("latency as declared")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle of a run, with results waiting; then the whole run again."""
    parameters = bench_parameters()
    words, expected = parameters["words"], parameters["expected"]
    bench = StreamBench(dut, seed=cocotb.RANDOM_SEED)
    await bench.start()
    for cycles in (1, 2, 3, 5, 9, 17, 33):
        await bench.exchange(words, Scoreboard(expected), stall=PROFILES["rare"], cycles=cycles)
        await bench.reset()
        await bench.exchange(words, Scoreboard(expected))
        hit("reset with words inside")


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
