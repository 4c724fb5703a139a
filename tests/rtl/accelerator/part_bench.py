"""A part of an engine in Amaranth's simulator: what its inputs are in each cycle, and what its outputs are then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from amaranth.hdl import Value
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD


def watch(part: Any, drives: Iterable[Mapping[str, Any]], probes: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return what the ports *probes* are in each cycle, behind the inputs of that cycle and before its edge.

    Parameters
    ----------
    part
        A component.
    drives
        For each cycle, inputs by name; those that are not named are 0.
    probes
        Names of ports. Here and in *drives*, ``i.valid`` is a port of a port.
    """
    seen: list[tuple[Any, ...]] = []

    async def bench(ctx: Any) -> None:
        driven: set[str] = set()
        for drive in drives:
            for name in driven - set(drive):
                ctx.set(Value.cast(attrgetter(name)(part)), 0)
            for name, value in drive.items():
                ctx.set(attrgetter(name)(part), value)
            driven = set(drive)
            seen.append(tuple(ctx.get(attrgetter(name)(part)) for name in probes))
            await ctx.tick()

    simulator = Simulator(part)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return seen
