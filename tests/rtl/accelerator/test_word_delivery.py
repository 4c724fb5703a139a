"""Words and their addresses, row by row, for the buffer of their job; nobody who waits holds up another."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.word_delivery import WordDelivery

WORDS, WEIGHT_WORDS = 256, 300


def run_jobs(
    jobs: list[dict[str, int]], stall: float, seed: int, side: int = 4, parts: int = 1
) -> dict[str, list[tuple[int, ...]]]:
    """Return what came out where: (address, word), of lines with ``ends`` and ``last``; and which weights finished."""
    rng = random.Random(seed)
    dut = WordDelivery(side=side, activation_words=WORDS, weight_words=WEIGHT_WORDS, parts=parts, jobs=8)
    words = [
        {"lanes": rng.randbytes(side), "last_of_row": word == job["count"] - 1, "last": row == job["rows"] - 1}
        for job in jobs
        for row in range(job["rows"])
        for word in range(job["count"])
    ]
    seen: dict[str, list[tuple[int, ...]]] = {"lines": [], "weight": [], "sets": [], "finishes": [], "words": []}

    async def bench(ctx: Any) -> None:
        for job in jobs:
            fields = {f"to_{name}": job["to"] == place for place, name in enumerate(("activation", "weight", "sets"))}
            fields |= {name: job[name] for name in dut.job.p.shape().members if name in job}
            ctx.set(dut.job.payload, fields)
            ctx.set(dut.job.valid, 1)
            await ctx.tick()
        ctx.set(dut.job.valid, 0)
        sent, cycle = 0, 0
        while sent < len(words) or cycle < 3:
            ctx.set(dut.i.valid, sent < len(words))
            if sent < len(words):
                word = words[sent]
                ctx.set(dut.i.p.lanes, list(word["lanes"]))
                ctx.set(dut.i.p.last_of_row, word["last_of_row"])
                ctx.set(dut.i.p.last, word["last_of_row"] and word["last"])
            for sink in (dut.lines, dut.sets):
                ctx.set(sink.ready, rng.random() >= stall)
            line, ports = dut.lines.p, (dut.weight.write_valid, dut.weight.write_address, dut.weight.write_word)
            if ctx.get(dut.lines.valid & dut.lines.ready):
                seen["lines"].append(tuple(ctx.get(part) for part in (line.address, line.word, line.ends, line.last)))
            if ctx.get(dut.sets.valid & dut.sets.ready):
                seen["sets"].append((ctx.get(dut.sets.p.lanes.as_value()),))
            if ctx.get(dut.weight_finishes):
                seen["finishes"].append((ctx.get(dut.i.p.lanes.as_value()),))
            taken = ctx.get(dut.i.valid & dut.i.ready)
            await ctx.tick()
            if ctx.get(ports[0]):
                seen["weight"].append((ctx.get(ports[1]), ctx.get(ports[2])))
            sent += taken
            cycle = cycle + 1 if sent == len(words) else 0
        seen["words"] = [(int.from_bytes(word["lanes"], "little"),) for word in words]

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@pytest.mark.parametrize("stall", [0.0, 0.6])
@pytest.mark.parametrize(("side", "parts"), [(4, 1), (4, 3), (8, 2), (12, 2), (16, 3)])
def test_every_word_gets_its_address(side: int, parts: int, stall: float, seed: int) -> None:
    rng = random.Random(seed)
    jobs = []
    for to in rng.sample((0, 1, 2) * 4, 8):
        rows, count = rng.randint(1, 5), rng.choice((rng.randint(1, 5), rng.randint(1, 3 * side)))
        job = {"to": to, "rows": rows, "count": count, "step": rng.randint(0, 20), "address": rng.randrange(90)}
        jobs.append(job | {"by_tiles": rng.randrange(2) if parts > 1 else 0, "is_wide": rng.randrange(2)})
    seen = run_jobs(jobs, stall, seed, side, parts)
    words = iter(seen["words"])
    buffers = [PartPlaces(Parts(count=parts, words=each), side) for each in (WORDS, WEIGHT_WORDS)]
    expected: dict[str, list[tuple[int, ...]]] = {"lines": [], "weight": [], "sets": [], "finishes": []}
    for job in jobs:
        way = {name: job[name] for name in ("by_tiles", "is_wide")}
        for row, place in product(range(job["rows"]), range(job["count"])):
            (word,) = next(words)
            ends = place == job["count"] - 1
            last = ends and row == job["rows"] - 1
            if job["to"] == 2:
                expected["sets"].append((word,))
                continue
            address = buffers[job["to"]].of_row(job["address"], job["step"], row, place, **way)
            if job["to"] == 0:
                expected["lines"].append((address, word, ends, last))
            else:
                expected["weight"].append((address, word))
                expected["finishes"] += [(word,)] * last
    assert {name: seen[name] for name in expected} == expected
