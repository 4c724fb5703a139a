"""An AXI4-Lite master in Amaranth's simulator: channels that idle and stall on their own, rules checked every cycle."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from tests.rtl.stream_bench import FULL_SPEED, PERIOD, Profile

SENT = {"aw": ("awaddr",), "w": ("wdata", "wstrb"), "ar": ("araddr",)}
PATIENCE = 300
ANSWERED = {"b": ("bresp",), "r": ("rdata", "rresp")}


@dataclass
class Traffic:
    """What is sent on each channel (a tuple a transfer), what came back, and the cycles of all that."""

    aw: Sequence[tuple[int, ...]] = ()
    w: Sequence[tuple[int, ...]] = ()
    ar: Sequence[tuple[int, ...]] = ()
    b: list[tuple[int, ...]] = field(default_factory=list)
    r: list[tuple[int, ...]] = field(default_factory=list)
    accepted: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in (*SENT, *ANSWERED)})
    offered: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in ANSWERED})

    @property
    def is_over(self) -> bool:
        return len(self.b) >= len(self.aw) and len(self.r) >= len(self.ar)

    @property
    def progress(self) -> int:
        return sum(len(cycles) for cycles in self.accepted.values())


class Master:
    """Drives one simulation; :func:`drive` is what tests call."""

    def __init__(self, axi: Any, traffic: Traffic, profiles: Mapping[str, Profile], rng: random.Random) -> None:
        self.axi, self.traffic, self.profiles, self.rng = axi, traffic, profiles, rng
        self.offering = dict.fromkeys(SENT, False)
        self.held: dict[str, Any] = dict.fromkeys(ANSWERED)

    def acts(self, name: str, rest: str) -> bool:
        return self.rng.random() >= getattr(self.profiles.get(name, FULL_SPEED), rest)

    def offer(self, ctx: Any, name: str) -> None:
        sent, queue = len(self.traffic.accepted[name]), getattr(self.traffic, name)
        if not self.offering[name] and sent < len(queue) and self.acts(name, "idle"):
            self.offering[name] = True
            for wire, value in zip(SENT[name], queue[sent], strict=True):
                ctx.set(getattr(self.axi, wire), value)
        ctx.set(getattr(self.axi, f"{name}valid"), self.offering[name])

    def see(self, ctx: Any, name: str, cycle: int) -> None:
        if self.offering[name] and ctx.get(getattr(self.axi, f"{name}ready")):
            self.traffic.accepted[name].append(cycle)
            self.offering[name] = False

    def take(self, ctx: Any, name: str, cycle: int) -> None:
        valid, ready = (bool(ctx.get(getattr(self.axi, f"{name}{wire}"))) for wire in ("valid", "ready"))
        answer = tuple(ctx.get(getattr(self.axi, wire)) for wire in ANSWERED[name])
        if self.held[name] is not None:
            assert valid, f"cycle {cycle}: {name}valid fell before the answer was accepted"
            assert answer == self.held[name], f"cycle {cycle}: the answer changed before it was accepted"
        elif valid:
            self.traffic.offered[name].append(cycle)
        self.held[name] = answer if valid and not ready else None
        if valid and ready:
            getattr(self.traffic, name).append(answer)
            self.traffic.accepted[name].append(cycle)


def drive(
    component: Any,
    *phases: Traffic,
    profiles: Mapping[str, Profile] | None = None,
    seed: int = 0,
    watch: Callable[[Any, int], None] | None = None,
    setup: Callable[[Any], Any] | None = None,
    reset: Signal | None = None,
) -> None:
    """Send the traffic of each phase and collect its answers before the next begins.

    *watch* is called every cycle with the context, before the clock edge. *setup* is a coroutine function of the
    context that runs first; *reset*, which it may drive, resets the component.
    """
    rng = random.Random(seed)

    async def bench(ctx: Any) -> None:
        if setup is not None:
            await setup(ctx)
        for traffic in phases:
            await exchange(ctx, Master(component.axi, traffic, profiles or {}, rng), watch)

    simulator = Simulator(component if reset is None else ResetInserter(reset)(component))
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    for traffic in phases:
        assert len(traffic.b) == len(traffic.aw), f"{len(traffic.b)} answers to {len(traffic.aw)} writes"
        assert len(traffic.r) == len(traffic.ar), f"{len(traffic.r)} answers to {len(traffic.ar)} reads"


async def exchange(ctx: Any, master: Master, watch: Callable[[Any, int], None] | None) -> None:
    traffic = master.traffic
    cycle = quiet = tail = 0
    while tail < 4:
        before = traffic.progress
        for name in SENT:
            master.offer(ctx, name)
        for name in ANSWERED:
            ctx.set(getattr(master.axi, f"{name}ready"), master.acts(name, "stall"))
        if watch is not None:
            watch(ctx, cycle)
        for name in SENT:
            master.see(ctx, name, cycle)
        for name in ANSWERED:
            master.take(ctx, name, cycle)
        tail += traffic.is_over
        quiet = quiet + 1 if traffic.progress == before and not traffic.is_over else 0
        assert quiet < PATIENCE, f"cycle {cycle}: nothing moves; {len(traffic.b)} writes and {len(traffic.r)} reads"
        await ctx.tick()
        cycle += 1
