"""The bench of a router of streams: every word to the output that it names, in order, whoever stalls.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the options of the block ``router``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import cocotb

from vitaccel.backends.rtl.blocks.stream import ROUTER
from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.payload import pack, payload_shape, unpack
from vitaccel_sim.bench.profiles import PROFILES, Profile
from vitaccel_sim.bench.streams import Input, Output, exchange, reset, start
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

RESET_AFTER_CYCLES = (1, 2, 3, 4, 5, 9, 17)
ALWAYS = PROFILES["always"]
BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    "every output",
    "a word for nobody",
    "one output alone",
    "an output that takes nothing",
    "reset with a word inside",
    "latency as declared",
)


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()

Word = dict[str, int]


class RouterBench:
    """A router, and words for it."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.block = ROUTER.component(**bench_parameters())
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.word = payload_shape(self.block.i.signature)
        self.count = len(self.block.o)
        self.ends = {"inputs": ["i"], "outputs": [f"o__{place}" for place in range(self.count)]}

    async def start(self) -> None:
        """Start the clock and reset."""
        await start(self.dut, **self.ends)

    def words(self, destinations: Sequence[int]) -> list[Word]:
        """Return a word for each of these outputs."""
        return [{"value": self.rng.getrandbits(self.word.members["value"]), "destination": n} for n in destinations]

    def anywhere(self, count: int) -> list[Word]:
        """Return words for any output and, now and then, for none."""
        return self.words([self.rng.randint(0, self.count) for _ in range(count)])

    async def run(
        self, words: Sequence[Word], *, idle: Profile, stalls: Sequence[Profile], cycles: int | None = None
    ) -> tuple[Input, list[Output]]:
        """Send words, and check what comes out where."""
        source = Input(self.dut, "i", [pack(self.word, word) for word in words], idle.start(self.rng))
        expected = [[word for word in words if word["destination"] == place] for place in range(self.count)]
        outputs = [
            Output(self.dut, name, len(ours), stall.start(self.rng))
            for name, ours, stall in zip(self.ends["outputs"], expected, stalls, strict=True)
        ]
        await exchange(self.dut, [source], outputs, cycles=cycles)
        if cycles is None:
            for output, ours in zip(outputs, expected, strict=True):
                got = [unpack(self.word, word) for word in output.words]
                assert got == ours, f"words of {output.name} differ"
            self._check_order(words, outputs)
        return source, outputs

    def _check_order(self, words: Sequence[Word], outputs: Sequence[Output]) -> None:
        """Words keep their order between outputs: each is offered after the one before it was."""
        taken = [iter(output.offered) for output in outputs]
        cycles = [next(taken[word["destination"]]) for word in words if word["destination"] < self.count]
        assert cycles == sorted(set(cycles)), "words must be offered in their order"
        if len(cycles) < len(words):
            hit("a word for nobody")
        if all(output.words for output in outputs):
            hit("every output")


@cocotb.test()
async def words_under_every_pair_of_profiles(dut: Any) -> None:
    """Words for all outputs, which stall alike."""
    bench = RouterBench(dut)
    await bench.start()
    for idle in PROFILES.values():
        for stall in PROFILES.values():
            words = bench.words(range(bench.count)) + bench.anywhere(40)
            try:
                await bench.run(words, idle=idle, stalls=[stall] * bench.count)
            except AssertionError as error:
                raise AssertionError(f"idle {idle}, stall {stall}: {error}") from None
            hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def outputs_of_every_kind(dut: Any) -> None:
    """Profiles drawn for each output; one alone, which has every cycle; words for nobody, which wait for nobody."""
    bench = RouterBench(dut)
    await bench.start()
    for _ in range(8):
        stalls = [bench.rng.choice(tuple(PROFILES.values())) for _ in range(bench.count)]
        await bench.run(bench.anywhere(60), idle=bench.rng.choice(tuple(PROFILES.values())), stalls=stalls)
    for alone in range(bench.count + 1):
        source, _ = await bench.run(bench.words([alone] * 20), idle=ALWAYS, stalls=[ALWAYS] * bench.count)
        first = source.accepted[0]
        assert source.accepted == list(range(first, first + 20)), "words for one output have every cycle"
    hit("one output alone")


@cocotb.test()
async def an_output_that_takes_nothing_holds_up_what_is_behind_its_word(dut: Any) -> None:
    """What was accepted before is taken, and nothing after the word that it does not take, until it does."""
    bench = RouterBench(dut)
    await bench.start()
    others = [place for place in range(bench.count) if place]
    words = bench.words([bench.rng.choice(others) for _ in range(9)] + [0] + [others[0]] * 9)
    source = Input(dut, "i", [pack(bench.word, word) for word in words], ALWAYS.start(bench.rng))
    sinks = [Output(dut, name, 0, lambda _, name=name: name != "o__0") for name in bench.ends["outputs"]]
    await exchange(dut, [source], sinks, cycles=40)
    assert sum(len(sink.words) for sink in sinks) == 9, "the words before must have been taken, and no other"
    assert len(source.accepted) == 10, "the word that is not taken must be the last that was accepted"
    hit("an output that takes nothing")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle: the word inside is forgotten."""
    bench = RouterBench(dut)
    await bench.start()
    for cycles in RESET_AFTER_CYCLES:
        stalls = [PROFILES["random"]] * bench.count
        source, outputs = await bench.run(bench.words([0] * 40), idle=ALWAYS, stalls=stalls, cycles=cycles)
        await reset(dut, **bench.ends)
        if len(source.accepted) > sum(len(output.words) for output in outputs):
            hit("reset with a word inside")
        await bench.run(bench.anywhere(12), idle=ALWAYS, stalls=stalls)


@cocotb.test()
async def declared_latency(dut: Any) -> None:
    """A word a cycle, each as late as the component says."""
    bench = RouterBench(dut)
    await bench.start()
    words = bench.words([bench.rng.randrange(bench.count) for _ in range(60)])
    source, outputs = await bench.run(words, idle=ALWAYS, stalls=[ALWAYS] * bench.count)
    first = source.accepted[0]
    assert source.accepted == list(range(first, first + 60)), "a word must be accepted every cycle"
    offered = sorted(cycle for output in outputs for cycle in output.offered)
    late = {cycle - accepted for accepted, cycle in zip(source.accepted, offered, strict=True)}
    assert late == {bench.block.latency_cycles}, f"latency must be {bench.block.latency_cycles}, not {late}"
    hit("latency as declared")


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
