"""The bench of every stream block: the words it must make, under every pair of profiles, and after a reset.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` on a component or a :class:`vitaccel_sim.bench.group.Group`, with
what :mod:`vitaccel_sim.bench.part` makes as its parameters ``parts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cocotb

from vitaccel_sim.bench import stream
from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.scoreboard import Scoreboard
from vitaccel_sim.bench.stream import Exchange, StreamPorts
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

SOME_PAIRS = (("always", "always"), ("adversarial", "adversarial"), ("bursts", "random"))
"""Idle and stall under which extremes and long rows run: full speed, the worst, the usual."""

RESET_AFTER_CYCLES = (1, 2, 3, 5, 9, 17, 33)

BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    "extremes",
    "long rows",
    "as full as can be",
    "reset with words inside",
    "latency as declared",
)

Part = tuple[StreamPorts, dict[str, Any]]


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


@cocotb.test()
async def equal_words_under_every_pair_of_profiles(dut: Any) -> None:
    """The same words, whoever waits for whom."""
    parts = await begin(dut)
    for idle in PROFILES:
        for stall in PROFILES:
            await exchange(dut, parts, "short", idle=idle, stall=stall)
            hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def extremes(dut: Any) -> None:
    """Words at the ends of every range."""
    parts = await begin(dut)
    for idle, stall in SOME_PAIRS:
        await exchange(dut, parts, "extremes", idle=idle, stall=stall)
    hit("extremes")


@cocotb.test()
async def long_rows(dut: Any) -> None:
    """Rows as long as those of real models."""
    parts = await begin(dut)
    for idle, stall in SOME_PAIRS:
        await exchange(dut, parts, "long", idle=idle, stall=stall)
    hit("long rows")


@cocotb.test()
async def nothing_is_taken_until_all_is_full(dut: Any) -> None:
    """Many words, and a sink that waits until no more are accepted: every queue inside is as full as it can be."""
    parts = await begin(dut)
    for what in ("extremes", "long"):
        await exchange(dut, parts, what, is_held=True)
    hit("as full as can be")


@cocotb.test()
async def declared_latency(dut: Any) -> None:
    """The first result is offered as late as the component says, and a word is accepted every cycle."""
    parts = await begin(dut)
    exchanges = await exchange(dut, parts, "short")
    for (ports, part), run in zip(parts, exchanges, strict=True):
        latency = run.offered[0] - run.accepted[part["short"]["first_row"] - 1]
        assert latency == part["latency_cycles"], (
            f"{ports.name}: latency must be {part['latency_cycles']} cycles, not {latency}"
        )
        gaps = [b - a for a, b in zip(run.accepted, run.accepted[1:], strict=False)]
        assert not part["is_pipelined"] or set(gaps) <= {1}, (
            f"{ports.name}: a word must be accepted every cycle, not after {max(gaps)}"
        )
    hit("latency as declared")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle of long rows, with results waiting; then a whole run."""
    parts = await begin(dut)
    for cycles in RESET_AFTER_CYCLES:
        await exchange(dut, parts, "long", stall="rare", cycles=cycles)
        await stream.reset(dut, [ports for ports, _ in parts])
        await exchange(dut, parts, "short")
    hit("reset with words inside")


async def begin(dut: Any) -> list[Part]:
    """Start the clock, reset, and set up what parts need before words."""
    parts = [(StreamPorts(dut, part["name"]), part) for part in bench_parameters()["parts"]]
    await stream.start(dut, [ports for ports, _ in parts])
    for ports, part in parts:
        await stream.set_up(dut, ports, part["setup"])
    return parts


async def exchange(
    dut: Any,
    parts: Sequence[Part],
    what: str,
    *,
    idle: str = "always",
    stall: str = "always",
    cycles: int | None = None,
    is_held: bool = False,
) -> list[Exchange]:
    """Send the words *what* through all parts.

    Raises
    ------
    AssertionError
        As :meth:`vitaccel_sim.bench.stream.Exchange.sample`, with the profiles.
    """
    exchanges = [
        Exchange(
            ports,
            part[what]["words"],
            Scoreboard(part[what]["expected"]),
            seed=cocotb.RANDOM_SEED + place,
            idle=PROFILES[idle],
            stall=PROFILES[stall],
            cycles=cycles,
            is_held=is_held,
        )
        for place, (ports, part) in enumerate(parts)
    ]
    try:
        await stream.run(dut, exchanges)
    except AssertionError as error:
        raise AssertionError(f"{what}, idle {idle}, stall {stall}: {error}") from None
    return exchanges


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
