# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Drive a stream component in Amaranth's simulator: words in, words out, under a profile of idle and stall."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from vitaccel_sim.bench.payload import pack, payload_shape, unpack

PERIOD = 1e-8


@dataclass(frozen=True)
class Profile:
    """How often the source is idle and the sink stalls; *late* sinks are ready only after they saw a word."""

    name: str
    idle: float = 0.0
    stall: float = 0.0
    late: bool = False

    def __str__(self) -> str:
        return self.name


FULL_SPEED = Profile("full speed")
PROFILES = (
    FULL_SPEED,
    Profile("idle", idle=0.6),
    Profile("stalls", stall=0.6),
    Profile("idle and stalls", idle=0.4, stall=0.4),
    Profile("late", idle=0.2, late=True),
)


@dataclass(frozen=True)
class Run:
    """What came out, and in which cycles words were accepted at the input and first offered at the output."""

    words: list[Any]
    accepted: list[int]
    offered: list[int]
    cycles: int


def run(
    component: Any,
    words: Iterable[Any],
    expected: int,
    profile: Profile = FULL_SPEED,
    seed: int = 0,
    setup: Callable[[Any], Any] | None = None,
    patience: int = 400,
    reset: Signal | None = None,
) -> Run:
    """Return the *expected* words that *component* makes of *words*; check the rules of a stream on the way.

    *setup* is a coroutine function of the simulator's context that runs first (to load a table). A component that
    offers nothing for *patience* cycles in which it could, or a word too many, fails. *reset*, which *setup* may drive,
    resets the component.
    """
    in_shape, out_shape = (payload_shape(getattr(component, port).signature) for port in ("i", "o"))
    packed = [pack(in_shape, w) for w in words]
    raw: list[int] = []
    accepted: list[int] = []
    offered: list[int] = []
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        if setup is not None:
            await setup(ctx)
        rng = random.Random(seed)
        i, o = component.i, component.o
        i_bits = i.payload.as_value() if hasattr(i.payload, "as_value") else i.payload
        o_bits = o.payload.as_value() if hasattr(o.payload, "as_value") else o.payload
        sent, valid, held, saw = 0, False, None, False
        quiet = tail = 0
        while len(raw) < expected or tail < 20:
            tail += len(raw) >= expected
            if not valid and sent < len(packed) and rng.random() >= profile.idle:
                valid = True
                ctx.set(i_bits, packed[sent])
            ctx.set(i.valid, valid)
            ready = (saw and rng.random() < 0.5) if profile.late else rng.random() >= profile.stall
            ctx.set(o.ready, ready)
            _, _, i_ready, o_valid, bits = await ctx.tick().sample(i.ready, o.valid, o_bits)
            if held is not None:
                assert o_valid, f"cycle {cycles}: valid fell before the word was accepted"
                assert bits == held, f"cycle {cycles}: the payload changed before it was accepted"
            elif o_valid:
                offered.append(cycles)
            held = bits if o_valid and not ready else None
            saw = bool(o_valid)
            if o_valid and ready:
                raw.append(bits)
            quiet = 0 if o_valid or (valid and i_ready) else quiet + 1
            assert quiet < patience or len(raw) >= expected, f"{len(raw)} of {expected} words, then nothing"
            if valid and i_ready:
                accepted.append(cycles)
                sent, valid = sent + 1, False
            cycles += 1

    simulator = Simulator(component if reset is None else ResetInserter(reset)(component))
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(raw) == expected, f"{len(raw)} words, not {expected}"
    assert len(accepted) == len(packed), f"{len(accepted)} of {len(packed)} words were accepted"
    return Run([unpack(out_shape, bits) for bits in raw], accepted, offered, cycles)


def rows_to_words(rows: Sequence[Sequence[int]], field: str = "lanes", **fields: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the words of P rows that stream side by side, lane i owning row i; the last word ends them."""
    length = len(rows[0])
    return [
        {
            field: [int(row[c]) for row in rows],
            **{name: values[c] for name, values in fields.items()},
            "last": int(c == length - 1),
        }
        for c in range(length)
    ]


def refuses(message: str, block: Callable[..., Any], *arguments: Any, **parameters: Any) -> None:
    """Require that *block* refuses its parameters with this sentence."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        block(*arguments, **parameters)


def check_full_speed(result: Run, block: Any) -> None:
    """Require that the measured latency is the declared one, and that a word was accepted every cycle."""
    assert result.offered[0] - result.accepted[0] == block.latency_cycles
    assert result.accepted == list(range(result.accepted[0], result.accepted[0] + len(result.accepted)))


def run_after_reset(component: Any, forgotten: Sequence[Any], words: Sequence[Any], expected: int) -> Run:
    """Return what :func:`run` does, after a reset in the middle of other words, which the component must forget."""
    reset = Signal()
    layout = payload_shape(component.i.signature)

    async def interrupt(ctx: Any) -> None:
        for word in forgotten:
            ctx.set(component.i.payload.as_value(), pack(layout, word))
            ctx.set(component.i.valid, 1)
            await ctx.tick()
        ctx.set(component.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    return run(component, words, expected, setup=interrupt, reset=reset)
