"""Drive a block with several streams, and perhaps a memory, in Amaranth's simulator under a profile."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import ResetInserter, Signal, Value
from amaranth.sim import Simulator

from tests.rtl.stream_bench import FULL_SPEED, PERIOD, Profile
from vitaccel_sim.bench.payload import pack, payload_shape, unpack


class Source:
    """Offers words to a stream, idle as its profile says; keeps a word until it is accepted."""

    def __init__(self, port: Any, words: Sequence[Any], rng: random.Random, idle: float) -> None:
        layout = payload_shape(port.signature)
        self.port, self.rng, self.idle = port, rng, idle
        self.words = deque(pack(layout, word) for word in words)
        self.valid = False
        self.accepted: list[int] = []

    def drive(self, ctx: Any, cycle: int) -> None:
        if not self.valid and self.words and self.rng.random() >= self.idle:
            self.valid = True
            ctx.set(Value.cast(self.port.payload), self.words[0])
        ctx.set(self.port.valid, self.valid)

    def settle(self, cycle: int, ready: int) -> bool:
        if not (self.valid and ready):
            return False
        self.accepted.append(cycle)
        self.words.popleft()
        self.valid = False
        return True


class Sink:
    """Takes words of a stream, stalls as its profile says; holds the stream to its rules."""

    def __init__(self, port: Any, rng: random.Random, profile: Profile) -> None:
        self.port, self.rng, self.profile = port, rng, profile
        self.layout = payload_shape(port.signature)
        self.saw = self.ready = False
        self.held: int | None = None
        self.offered: list[int] = []
        self.words: list[Any] = []

    def drive(self, ctx: Any) -> None:
        late = self.profile.late
        self.ready = self.saw and self.rng.random() < 0.5 if late else self.rng.random() >= self.profile.stall
        ctx.set(self.port.ready, self.ready)

    def settle(self, cycle: int, valid: int, bits: int) -> Any:
        """Return the word that was accepted in this cycle, if there was one."""
        if self.held is not None:
            assert valid, f"cycle {cycle}: valid fell before the word was accepted"
            assert bits == self.held, f"cycle {cycle}: the payload changed before it was accepted"
        elif valid:
            self.offered.append(cycle)
        self.saw = bool(valid)
        self.held = bits if valid and not self.ready else None
        if not (valid and self.ready):
            return None
        self.words.append(unpack(self.layout, bits))
        return self.words[-1]


@dataclass
class Memory:
    """Words by address, answered in order, each after 1 to *most* cycles (or all after *latency*)."""

    words: dict[int, list[int]]
    latency: int | None = None
    most: int = 9
    waiting: deque[tuple[int, list[int]]] = field(default_factory=deque)

    def ask(self, address: int, cycle: int, rng: random.Random) -> None:
        assert address in self.words, f"cycle {cycle}: address {address} is nobody's"
        delay = rng.randint(1, self.most) if self.latency is None else self.latency
        self.waiting.append((cycle + delay, list(self.words[address])))


@dataclass
class QueueRun:
    """What came out, cycles in which words were accepted and offered, cycles of a busy block, and how many reads."""

    words: list[Any] = field(default_factory=list)
    accepted: dict[str, list[int]] = field(default_factory=dict)
    offered: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    reads: int = 0


def run_queues(
    block: Any,
    streams: Mapping[str, Sequence[Any]],
    memory: Memory,
    expected: int,
    profile: Profile = FULL_SPEED,
    seed: int = 0,
    patience: int = 400,
    interrupted: Mapping[str, Sequence[Any]] | None = None,
    reset_after: int = 0,
) -> QueueRun:
    """Return what *block* makes of words in the *streams* of its ports: *expected* words of ``o``, or of ``write``.

    With *interrupted* it is first given other words, and reset after *reset_after* cycles.
    """
    done = QueueRun()
    reset = Signal()

    async def bench(ctx: Any) -> None:
        if interrupted is not None:
            other = Memory(dict(memory.words), memory.latency)
            await _drive(ctx, block, interrupted, other, profile, seed + 1, QueueRun(), limit=reset_after)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
        await _drive(ctx, block, streams, memory, profile, seed, done, expected=expected, patience=patience)

    simulator = Simulator(ResetInserter(reset)(block))
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return done


async def _drive(
    ctx: Any,
    block: Any,
    streams: Mapping[str, Sequence[Any]],
    memory: Memory,
    profile: Profile,
    seed: int,
    done: QueueRun,
    expected: int = 1,
    patience: int = 400,
    limit: int | None = None,
) -> None:
    rng = random.Random(seed)
    sources = {name: Source(getattr(block, name), words, rng, profile.idle) for name, words in streams.items()}
    given = [*sources.values()]
    results = Sink(block.write if hasattr(block, "write") else block.o, rng, profile)
    taken = [results]
    if hasattr(block, "request"):
        answers = Source(block.response, [], rng, profile.idle)
        given.append(answers)
        taken.append(Sink(block.request, rng, profile))
    busy = block.busy if hasattr(block, "busy") else Signal()
    cycle = quiet = tail = 0
    while tail < 30 and (limit is None or cycle < limit):
        while memory.waiting and memory.waiting[0][0] <= cycle:
            answers.words.append(pack(payload_shape(block.response.signature), memory.waiting.popleft()[1]))
        for source in given:
            source.drive(ctx, cycle)
        for sink in taken:
            sink.drive(ctx)
        sampled = [source.port.ready for source in given]
        sampled += [value for sink in taken for value in (sink.port.valid, Value.cast(sink.port.payload))]
        _, _, *values = await ctx.tick().sample(*sampled, busy)
        is_busy, outs = bool(values[-1]), values[len(given) : -1]
        moved = [source.settle(cycle, ready) for source, ready in zip(given, values, strict=False)]
        words = [sink.settle(cycle, *outs[2 * n : 2 * n + 2]) for n, sink in enumerate(taken)]
        for address in (word for word in words[1:] if word is not None):
            done.reads += 1
            memory.ask(address, cycle, rng)
        if hasattr(block, "write") and words[0] is not None:
            memory.words[words[0]["address"]] = list(words[0]["lanes"])
        if is_busy:
            done.busy.append(cycle)
        is_over = len(results.words) >= expected and not any(source.words for source in given) and not is_busy
        tail += is_over and limit is None
        quiet = 0 if any(moved) or any(word is not None for word in words) or is_over else quiet + 1
        assert quiet < patience, f"{len(results.words)} of {expected} words, then nothing"
        cycle += 1
    if limit is None:
        assert len(results.words) == expected, f"{len(results.words)} words, not {expected}"
    done.words, done.offered = results.words, results.offered
    done.accepted = {name: source.accepted for name, source in sources.items()}
