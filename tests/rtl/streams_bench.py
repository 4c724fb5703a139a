"""Many streams of one component in Amaranth's simulator, each under a profile of its own, every cycle recorded."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from tests.rtl.stream_bench import FULL_SPEED, PERIOD, Profile, pack, payload_shape, unpack

PATIENCE = 400


@dataclass
class Source:
    """Words for one input: each is offered when the one before was accepted, not before its cycle, and not while idle.

    ``offered`` and ``accepted`` are the cycles in which that was so.
    """

    words: Sequence[Any]
    profile: Profile = FULL_SPEED
    not_before: Sequence[int] = ()
    offered: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return len(self.accepted) == len(self.words)


@dataclass
class Sink:
    """What one output gave: so many words are *expected*; ``None``, any number."""

    expected: int | None
    profile: Profile = FULL_SPEED
    words: list[Any] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    ready: list[bool] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.expected is None or len(self.words) >= self.expected


class Driver:
    """One input."""

    def __init__(self, port: Any, source: Source, rng: random.Random) -> None:
        self.port, self.source, self.rng = port, source, rng
        self.shape = payload_shape(port.signature)
        self.is_offering = False

    def offer(self, ctx: Any, cycle: int) -> None:
        place = len(self.source.accepted)
        if not self.is_offering and place < len(self.source.words):
            early = place < len(self.source.not_before) and cycle < self.source.not_before[place]
            self.is_offering = not early and self.rng.random() >= self.source.profile.idle
            if self.is_offering:
                self.source.offered.append(cycle)
                ctx.set(bits_of(self.port), pack(self.shape, self.source.words[place]))
        ctx.set(self.port.valid, self.is_offering)

    def see(self, ctx: Any, cycle: int) -> bool:
        if not (self.is_offering and ctx.get(self.port.ready)):
            return False
        self.source.accepted.append(cycle)
        self.is_offering = False
        return True


class Monitor:
    """One output."""

    def __init__(self, port: Any, sink: Sink, rng: random.Random) -> None:
        self.port, self.sink, self.rng = port, sink, rng
        self.shape = payload_shape(port.signature)
        self.held: int | None = None
        self.saw = False

    def stall(self, ctx: Any) -> None:
        profile = self.sink.profile
        ready = (self.saw and self.rng.random() < 0.5) if profile.late else self.rng.random() >= profile.stall
        self.sink.ready.append(ready)
        ctx.set(self.port.ready, ready)

    def see(self, ctx: Any, cycle: int) -> bool:
        valid, ready = bool(ctx.get(self.port.valid)), self.sink.ready[-1]
        bits = ctx.get(bits_of(self.port)) if valid else None
        if self.held is not None:
            assert valid, f"cycle {cycle}: valid fell before the word was accepted"
            assert bits == self.held, f"cycle {cycle}: the payload changed before it was accepted"
        elif valid:
            self.sink.offered.append(cycle)
        self.held = bits if valid and not ready else None
        self.saw = valid
        if valid and ready:
            self.sink.words.append(unpack(self.shape, bits))
            self.sink.taken.append(cycle)
        return valid and ready


def bits_of(port: Any) -> Any:
    return port.payload.as_value() if hasattr(port.payload, "as_value") else port.payload


def exchange(
    component: Any,
    sources: Sequence[tuple[Any, Source]],
    sinks: Sequence[tuple[Any, Sink]],
    *,
    seed: int = 0,
    setup: Callable[[Any], Any] | None = None,
    watch: Callable[[Any, int], None] | None = None,
    reset: Signal | None = None,
    cycles: int | None = None,
) -> int:
    """Send all words of *sources* (an input port and what goes in), and collect what comes out, under the stream rules.

    Ends some cycles after all are over, or after so many *cycles*; returns the number of cycles. *setup* is a coroutine
    function that runs first, *watch* is called every cycle before the clock edge, *reset* resets the component.
    """
    rng = random.Random(seed)
    drivers = [Driver(port, source, rng) for port, source in sources]
    monitors = [Monitor(port, sink, rng) for port, sink in sinks]
    parts: Mapping[str, Sequence[Any]] = {"in": [s for _, s in sources], "out": [s for _, s in sinks]}
    cycle = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycle
        if setup is not None:
            await setup(ctx)
        quiet = tail = 0
        while tail < 20 and (cycles is None or cycle < cycles):
            for driver in drivers:
                driver.offer(ctx, cycle)
            for monitor in monitors:
                monitor.stall(ctx)
            if watch is not None:
                watch(ctx, cycle)
            moved = [end.see(ctx, cycle) for end in (*drivers, *monitors)]
            is_over = all(end.is_over for ends in parts.values() for end in ends)
            tail, quiet = tail + is_over, 0 if any(moved) or is_over else quiet + 1
            assert quiet < PATIENCE, f"cycle {cycle}: nothing moves"
            await ctx.tick()
            cycle += 1

    simulator = Simulator(component if reset is None else ResetInserter(reset)(component))
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    if cycles is None:
        for sink in parts["out"]:
            if sink.expected is not None:
                assert len(sink.words) == sink.expected, f"{len(sink.words)} words, not {sink.expected}"
    return cycle
