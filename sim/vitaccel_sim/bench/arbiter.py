"""The bench of an arbiter: words of all sources in their order, rows whole, nobody waiting longer than promised.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the options of the block ``arbiter``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import cocotb

from vitaccel.backends.rtl.blocks.stream import ARBITER
from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.payload import pack, payload_shape, unpack
from vitaccel_sim.bench.profiles import PROFILES, Profile
from vitaccel_sim.bench.streams import Input, Output, exchange, reset, start
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

RESET_AFTER_CYCLES = (1, 2, 3, 4, 5, 9, 17)
BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    "all sources at once",
    "one source alone",
    "a row that pauses",
    "a word that waits for all others",
    "reset with words inside",
    "latency as declared",
)


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


class ArbiterBench:
    """An arbiter, and rows for it."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.block = ARBITER.component(**bench_parameters())
        self.word = payload_shape(self.block.i[0].signature)
        self.keeps_rows = bool(bench_parameters()["rows"])
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.shape = payload_shape(self.block.o.signature)
        self.ends = {"inputs": [f"i__{place}" for place in range(len(self.block.i))], "outputs": ["o"]}

    async def start(self) -> None:
        """Start the clock and reset."""
        await start(self.dut, **self.ends)

    def rows(self, counts: Sequence[int]) -> list[list[dict[str, int]]]:
        """Return so many words for each source, in rows of random lengths."""
        width = self.word.members["value"]
        return [
            [
                {"value": self.rng.getrandbits(width), "last": int(word == count - 1 or self.rng.random() < 0.3)}
                for word in range(count)
            ]
            for count in counts
        ]

    async def run(
        self,
        rows: Sequence[Sequence[dict[str, int]]],
        *,
        idle: Sequence[Profile],
        stall: Profile,
        cycles: int | None = None,
    ) -> tuple[list[Input], Output]:
        """Send the words of all sources, and check what comes out."""
        inputs = [
            Input(self.dut, name, [pack(self.word, word) for word in words], profile.start(self.rng))
            for name, words, profile in zip(self.ends["inputs"], rows, idle, strict=True)
        ]
        output = Output(self.dut, "o", sum(len(words) for words in rows), stall.start(self.rng))
        await exchange(self.dut, inputs, [output], cycles=cycles)
        if cycles is None:
            self._check(rows, [unpack(self.shape, word) for word in output.words])
            self._check_waits(inputs, rows)
        return inputs, output

    def _check(self, rows: Sequence[Sequence[dict[str, int]]], words: Sequence[dict[str, Any]]) -> None:
        for place, sent in enumerate(rows):
            got = [word["word"] for word in words if word["source"] == place]
            assert got == list(sent), f"words of source {place} differ"
        for word, after in itertools.pairwise(words):
            whole = word["word"]["last"] or after["source"] == word["source"]
            assert whole or not self.keeps_rows, f"a row of source {word['source']} is not whole"

    def _check_waits(self, inputs: Sequence[Input], rows: Sequence[Sequence[dict[str, int]]]) -> None:
        """Count what a word (or the first of a row) waits for: words (or rows) that are accepted meanwhile."""
        ends = sorted(
            cycle
            for source, words in zip(inputs, rows, strict=True)
            for word, cycle in zip(words, source.accepted, strict=True)
            if word["last"] or not self.keeps_rows
        )
        for source, words in zip(inputs, rows, strict=True):
            for place, (offered, accepted) in enumerate(zip(source.offered, source.accepted, strict=True)):
                if self.keeps_rows and place and not words[place - 1]["last"]:
                    continue
                waits = sum(offered <= end < accepted for end in ends)
                bound = self.block.bound_words
                assert bound is None or waits <= bound, f"a word waits for {waits} others, and not {bound} at most"
                if waits >= len(inputs) - 1:
                    hit("a word that waits for all others")


@cocotb.test()
async def words_and_waits_under_every_pair_of_profiles(dut: Any) -> None:
    """Every source at once, all under the same profile."""
    bench = ArbiterBench(dut)
    await bench.start()
    for idle in PROFILES.values():
        for stall in PROFILES.values():
            rows = bench.rows([16] * len(bench.block.i))
            try:
                await bench.run(rows, idle=[idle] * len(rows), stall=stall)
            except AssertionError as error:
                raise AssertionError(f"idle {idle}, stall {stall}: {error}") from None
            hit(f"idle={idle} stall={stall}")
    hit("all sources at once")


@cocotb.test()
async def sources_of_every_kind(dut: Any) -> None:
    """Profiles drawn for each source; one alone; rows that pause in the middle."""
    bench = ArbiterBench(dut)
    await bench.start()
    count = len(bench.block.i)
    for _ in range(8):
        profiles = [bench.rng.choice(tuple(PROFILES.values())) for _ in range(count)]
        rows = bench.rows([bench.rng.randint(1, 20) for _ in range(count)])
        await bench.run(rows, idle=profiles, stall=bench.rng.choice(tuple(PROFILES.values())))
    for alone in range(count):
        rows = bench.rows([20 if place == alone else 0 for place in range(count)])
        inputs, _ = await bench.run(rows, idle=[PROFILES["always"]] * count, stall=PROFILES["always"])
        first = inputs[alone].accepted[0]
        assert inputs[alone].accepted == list(range(first, first + 20)), "a source alone has every cycle"
        hit("one source alone")
    slow = [PROFILES["rare"], *[PROFILES["always"]] * (count - 1)]
    await bench.run(bench.rows([12] * count), idle=slow, stall=PROFILES["always"])
    hit("a row that pauses")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle: words inside, rows that have begun and turns are forgotten."""
    bench = ArbiterBench(dut)
    await bench.start()
    count = len(bench.block.i)
    always = [PROFILES["always"]] * count
    for cycles in RESET_AFTER_CYCLES:
        await bench.run(bench.rows([40] * count), idle=always, stall=PROFILES["random"], cycles=cycles)
        await reset(dut, **bench.ends)
        _, output = await bench.run(bench.rows([6] * count), idle=always, stall=PROFILES["random"])
        assert unpack(bench.shape, output.words[0])["source"] == 0, "after a reset source 0 is first"
        hit("reset with words inside")


@cocotb.test()
async def declared_latency(dut: Any) -> None:
    """A word a cycle, each as late as the component says."""
    bench = ArbiterBench(dut)
    await bench.start()
    count = len(bench.block.i)
    inputs, output = await bench.run(
        bench.rows([12] * count), idle=[PROFILES["always"]] * count, stall=PROFILES["always"]
    )
    accepted = sorted(cycle for source in inputs for cycle in source.accepted)
    assert accepted == list(range(accepted[0], accepted[0] + 12 * count)), "a word must be accepted every cycle"
    late = {offered - cycle for offered, cycle in zip(output.offered, accepted, strict=True)}
    assert late == {bench.block.latency_cycles}, f"latency must be {bench.block.latency_cycles}, not {late}"
    hit("latency as declared")


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
