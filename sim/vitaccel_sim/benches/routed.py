"""Gather and scatter-add: queues that are drawn, a buffer that holds their rows, and the reference's words."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.lib import wiring

from vitaccel_rtl import latency
from vitaccel_sim.bench.payload import pack, payload_shape
from vitaccel_sim.bench.routed import (
    HIGHEST,
    LOWEST,
    RoutedJob,
    add,
    gathered,
    lengths_met,
    random_buffer,
    random_job,
    result_words,
    sums_met,
)
from vitaccel_sim.benches.block_bench import BlockBench

ANSWER = 3
"""Cycles of the buffer's answers where cycles are counted, if as many reads may be under way."""

MOST_TILES = 3
MOST_ROWS = 1 << 20


def routed_parameters(
    block: wiring.Component,
    *,
    streams: Mapping[str, Sequence[Any]],
    memory: Mapping[int, Sequence[int]],
    output: str,
    expected: Sequence[Any],
    met: Mapping[str, int],
) -> dict[str, Any]:
    """Return words of a run as integers, in JSON's types."""
    layouts = {name: payload_shape(getattr(block, name).signature) for name in (*streams, "response", output)}
    return {
        "streams": {name: [pack(layouts[name], word) for word in words] for name, words in streams.items()},
        "memory": [[address, pack(layouts["response"], list(word))] for address, word in memory.items()],
        "output": output,
        "expected": [pack(layouts[output], word) for word in expected],
        "address_bits": payload_shape(block.request.signature).width,  # type: ignore[attr-defined]
        "met": dict(met),
    }


def jobs_of(options: Mapping[str, int], rng: random.Random) -> tuple[list[RoutedJob], list[RoutedJob]]:
    """Return short queues and long ones, as long as the widths of numbers allow, all over the buffer."""
    side, space = options["side"], 1 << options["address_bits"]
    tiles = min(MOST_TILES, (1 << options["tile_bits"]) - 1)

    def job(length: int, wanted: int) -> RoutedJob:
        room = (space - 1) // min(wanted, tiles)
        entries = min(length, (1 << options["entry_bits"]) - 1, room)
        least = max(1, entries)
        tokens = min(MOST_ROWS, rng.choice((least, room, rng.randint(least, room))))
        return random_job(rng, side, entries, tokens=tokens, tiles=min(wanted, tiles), space=space)

    short = [job(*chosen) for chosen in ((side + 1, 2), (0, 1), (1, 3), (side - 1, 1), (side, 1))]
    # The longest of an entry, then of many; one tile and three of them by turns, for one leaves most room for rows.
    lengths = (37, 0, 2, 3 * side, 21, 1, side, 2 * side - 1, 5, 1)
    return short, [job(length, (1, tiles, 2)[place % 3]) for place, length in enumerate(lengths)]


def gather_parameters(block: Any, options: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Return the parameters of the bench of a gather."""
    rng, side = random.Random(seed), options["side"]
    short, long = jobs_of(options, rng)

    def run(jobs: Sequence[RoutedJob]) -> dict[str, Any]:
        buffer = random_buffer(rng, jobs, side, 8)
        return routed_parameters(
            block,
            streams={"job": [job.walk for job in jobs], "entry": [row for job in jobs for row in job.rows]},
            memory=buffer,
            output="o",
            expected=[word for job in jobs for word in gathered(job, buffer, side)],
            met=lengths_met(jobs, side),
        )

    answer = min(ANSWER, options["in_flight"] - 1)
    slots = sum(latency.queue_slots(len(job.rows), job.tiles, side) for job in short)
    cycles = slots + latency.gather(side, answer)
    return {"short": run(short), "long": run(long), "answer": answer, "cycles": cycles}


def both_saturations(job: RoutedJob, side: int) -> RoutedJob:
    """Return a job of one tile on the rows of another, whose updates are as large as can be."""
    entries = len(job.rows)
    return dataclasses.replace(
        job,
        tiles=1,
        rows=job.rows[::-1],
        multiplier=-(1 << 17),
        shift=0,
        scores=[0, *[65535] * (entries - 1)],
        results=[[LOWEST, HIGHEST] + [0] * (side - 2)] * entries,
    )


def scatter_parameters(block: Any, options: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Return the parameters of the bench of a scatter-add."""
    rng, side = random.Random(seed), options["side"]
    short, long = jobs_of(options, rng)
    short.append(both_saturations(short[-1], side))

    def run(jobs: Sequence[RoutedJob]) -> dict[str, Any]:
        buffer = random_buffer(rng, jobs, side, 16)
        sums = dict(buffer)
        return routed_parameters(
            block,
            streams={
                "job": [{**job.walk, **job.scale} for job in jobs],
                "entry": [entry for job in jobs for entry in job.entries],
                "i": [word for job in jobs for word in result_words(job, side, beyond=HIGHEST)],
            },
            memory=buffer,
            output="write",
            expected=[word for job in jobs for word in add(job, sums, side)],
            met=lengths_met(jobs, side) + sums_met(jobs, buffer, side),
        )

    return {
        "short": run(short),
        "long": run(long),
        "answer": min(ANSWER, options["in_flight"] - 1),
        "cycles": sum(_scatter_cycles(job, side) for job in short),
    }


def _scatter_cycles(job: RoutedJob, side: int) -> int:
    slots = latency.queue_slots(len(job.rows), job.tiles, side)
    return slots + latency.scatter_add(side, len(job.rows)) if slots else 1


def _point(side: int, address_bits: int, tile_bits: int, entry_bits: int, in_flight: int) -> dict[str, int]:
    return {
        "side": side,
        "address_bits": address_bits,
        "tile_bits": tile_bits,
        "entry_bits": entry_bits,
        "in_flight": in_flight,
    }


POINTS = (
    _point(4, 8, 2, 6, 16),
    _point(5, 9, 2, 6, 8),
    _point(2, 8, 2, 6, 16),
    _point(3, 12, 3, 7, 5),
    _point(8, 16, 2, 6, 32),
    _point(7, 10, 2, 8, 4),
)

GATHER = BlockBench(block="gather", module="vitaccel_sim.bench.gather", points=POINTS, parameters=gather_parameters)

SCATTER_ADD = BlockBench(
    block="scatter-add", module="vitaccel_sim.bench.scatter_add", points=POINTS, parameters=scatter_parameters
)
