"""The bench of expert queues and of the router before them: jobs one after another, every queue read, lengths first.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with what
:func:`vitaccel_sim.benches.queues.queue_parameters` makes: ``short`` and ``long`` are
jobs with the words of all streams, ``one_expert`` is one of which all tokens go to one expert; ``cycles`` are what the
component declares for the first of ``short``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import cocotb

from vitaccel_sim.bench import streams
from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.ports import Acts
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.streams import Input, Output
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file
from vitaccel_sim.traffic.routing_bins import BINS as ROUTING_BINS

INPUTS, OUTPUTS = ("job", "i", "request"), ("answer", "entry")
SOME_PAIRS = (("always", "always"), ("adversarial", "adversarial"), ("bursts", "random"))
OVERLAPPING_PAIRS = (("always", "always"), ("always", "adversarial"), ("random", "bursts"))
RESET_AFTER_CYCLES = (1, 2, 5, 17, 33, 65, 90, 130)

BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    *ROUTING_BINS,
    "all tokens to one expert under every pair of profiles",
    "the next job while queues are read",
    "reset in a job",
    "cycles as declared",
)


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


@cocotb.test()
async def equal_queues_under_every_pair_of_profiles(dut: Any) -> None:
    """The same queues, whoever waits for whom."""
    await start(dut)
    for idle in PROFILES:
        for stall in PROFILES:
            await route(dut, "short", idle, stall)
            hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def all_tokens_to_one_expert_do_not_hang(dut: Any) -> None:
    """One full queue and the rest empty, each asked for."""
    await start(dut)
    for idle in PROFILES:
        for stall in PROFILES:
            await route(dut, "one_expert", idle, stall)
    hit("all tokens to one expert under every pair of profiles")


@cocotb.test()
async def jobs_of_every_kind(dut: Any) -> None:
    """Jobs one after another, each of which forgets the one before."""
    await start(dut)
    for idle, stall in SOME_PAIRS:
        await route(dut, "long", idle, stall)


@cocotb.test()
async def the_next_job_while_queues_are_read(dut: Any) -> None:
    """Words from the start, and each job as soon as the requests of the one before are accepted, not answered."""
    await start(dut)
    for idle, stall in OVERLAPPING_PAIRS:
        await overlap(dut, "long", idle, stall)
        hit("the next job while queues are read")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle of a job, while it is filled, sorted or read; then other jobs."""
    await start(dut)
    for cycles in RESET_AFTER_CYCLES:
        await route(dut, "long", "always", "random", cycles=cycles)
        await streams.reset(dut, inputs=INPUTS, outputs=OUTPUTS)
        await route(dut, "short", "always", "always")
        hit("reset in a job")


@cocotb.test()
async def declared_cycles(dut: Any) -> None:
    """Queues are ready, a length and an entry are offered as late as the component says, and entries as often."""
    await start(dut)
    ends = await route(dut, "short", "always", "always")
    asked = ends["request"].accepted[0]
    measured = {
        "ready": asked - ends["i"].accepted[0],
        "answer": ends["answer"].offered[0] - asked,
        "entry": ends["entry"].offered[0] - asked,
        "words": ends["i"].accepted[-1] - ends["i"].accepted[0],
        "second entry": ends["entry"].offered[:2][-1] - asked,
    }
    expected = bench_parameters()["cycles"]
    found = {name: measured[name] for name in expected}
    assert found == expected, f"cycles must be {expected}, not {found}"
    hit("cycles as declared")


async def start(dut: Any) -> None:
    """Start the clock and reset."""
    await streams.start(dut, inputs=INPUTS, outputs=OUTPUTS)


async def route(dut: Any, what: str, idle: str, stall: str, *, cycles: int | None = None) -> dict[str, Any]:
    """Do the jobs of this name one after another; return the streams of the first.

    With *cycles*, only the first is begun.

    Raises
    ------
    AssertionError
        If an answer or an entry is wrong, a rule of a stream is broken, or nothing moves.
    """
    rng = random.Random(cocotb.RANDOM_SEED)
    first: dict[str, Any] = {}
    for place, job in enumerate(bench_parameters()[what]):
        ends = _ends(dut, job, rng, idle, stall)
        try:
            await streams.exchange(dut, [ends[n] for n in INPUTS], [ends[n] for n in OUTPUTS], cycles=cycles)
            if cycles is not None:
                return ends
            for name in OUTPUTS:
                assert ends[name].words == job[name], f"{name} must be {job[name]}, not {ends[name].words}"
        except AssertionError as error:
            raise AssertionError(f"job {place} of {what}, idle {idle}, stall {stall}: {error}") from None
        hit(*job["met"])
        first = first or ends
    return first


def _ends(dut: Any, job: Mapping[str, Any], rng: random.Random, idle: str, stall: str) -> dict[str, Any]:
    ends: dict[str, Any] = {}
    for name in ("job", "i"):
        ends[name] = Input(dut, name, job[name], PROFILES[idle].start(rng))
    # A request that came before the job would be answered by the queues of the job before.
    ends["request"] = Input(dut, "request", job["request"], _after(ends["job"], PROFILES[idle].start(rng)))
    for name in OUTPUTS:
        ends[name] = Output(dut, name, len(job[name]), PROFILES[stall].start(rng))
    return ends


async def overlap(dut: Any, what: str, idle: str, stall: str) -> None:
    """Do the jobs of this name without waiting for answers and entries.

    Raises
    ------
    AssertionError
        As :func:`route`.
    """
    rng = random.Random(cocotb.RANDOM_SEED)
    jobs = bench_parameters()[what]
    words = {name: [word for job in jobs for word in job[name]] for name in (*INPUTS, *OUTPUTS)}
    asked = list(accumulate(len(job["request"]) for job in jobs))
    profile = PROFILES[idle].start
    ends: dict[str, Any] = {"i": Input(dut, "i", words["i"], profile(rng))}
    given, taken = profile(rng), profile(rng)

    def may_give(other: bool) -> bool:
        begun = len(ends["job"].accepted)
        return given(other) and (not begun or len(ends["request"].accepted) == asked[begun - 1])

    def may_ask(other: bool) -> bool:
        begun = len(ends["job"].accepted)
        return taken(other) and begun > 0 and len(ends["request"].accepted) < asked[begun - 1]

    ends["job"] = Input(dut, "job", words["job"], may_give)
    ends["request"] = Input(dut, "request", words["request"], may_ask)
    for name in OUTPUTS:
        ends[name] = Output(dut, name, len(words[name]), PROFILES[stall].start(rng))
    try:
        await streams.exchange(dut, [ends[n] for n in INPUTS], [ends[n] for n in OUTPUTS])
        for name in OUTPUTS:
            assert ends[name].words == words[name], f"{name} must be {words[name]}, not {ends[name].words}"
    except AssertionError as error:
        raise AssertionError(f"jobs of {what} that overlap, idle {idle}, stall {stall}: {error}") from None


def _after(source: Input, acts: Acts) -> Acts:
    return lambda other_was_active: acts(other_was_active) and bool(source.accepted)


def hit(*names: str) -> None:
    """Count hits, and leave the counts for the process that started this one."""
    for name in names:
        COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
