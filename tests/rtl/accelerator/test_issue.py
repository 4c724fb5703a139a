"""Issue with engines that are always ready: what the beginning of a frame would round up shows to the cycle."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.accelerator.control_bench import Step
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import ENGINES, LANE, LOAD, MATMUL, STORE, Operation
from vitaccel_rtl.accelerator.issue import Issue
from vitaccel_rtl.accelerator.issue_timing import INSTRUCTION_WORDS, Issued

OF_ENGINE = {operation.engine: operation for operation in (LOAD, MATMUL, LANE, STORE)}


def step(operation: Operation, **waits: int) -> Step:
    return Step(Issued(engine=operation.engine, occupied=1, latency=1), operation.encode(waits))


def run(steps: list[Step], done_at: dict[int, int]) -> tuple[list[tuple[int, int]], list[tuple[int, ...]]]:
    """Return which engine accepted something when, and of every cycle who was busy and whether nothing was pending.

    *done_at* says which engine is done in which cycles.
    """
    dut = Issue()
    words = [(one.bits >> 64 * n & (1 << 64) - 1, n) for one in steps for n in range(INSTRUCTION_WORDS)]
    accepted: list[tuple[int, int]] = []
    states: list[tuple[int, ...]] = []

    async def bench(ctx: Any) -> None:
        sent = 0
        ctx.set(dut.enable, 1)
        for engine in dut.engines:
            ctx.set(engine.ready, 1)
        for cycle in range(160):
            ctx.set(dut.i.valid, sent < len(words))
            if sent < len(words):
                ctx.set(dut.i.p.data, words[sent][0])
                ctx.set(dut.i.p.last, words[sent][1] == INSTRUCTION_WORDS - 1)
                sent += ctx.get(dut.i.ready)
            for place, done in enumerate(dut.done):
                ctx.set(done, done_at.get(cycle) == place)
            accepted.extend((cycle, place) for place, engine in enumerate(dut.engines) if ctx.get(engine.valid))
            states.append((*(ctx.get(busy) for busy in dut.in_engine), ctx.get(dut.none_pending)))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return accepted, states


@pytest.mark.parametrize("first", ENGINES)
@pytest.mark.parametrize("second", ENGINES)
def test_a_completion_lets_an_instruction_start_exactly_so_much_later(first: str, second: str, seed: int) -> None:
    at = random.Random(seed).randrange(70, 90)
    place = ENGINES.index(first)
    steps = [step(OF_ENGINE[first]), step(OF_ENGINE[second], **{f"wait_{first}": 1})]
    accepted, _ = run(steps, {at: place})
    assert accepted[1:] == [(at + latency.DONE_TO_START, ENGINES.index(second))]


def test_an_engine_is_busy_from_the_cycle_after_its_acceptance_to_its_done() -> None:
    accepted, states = run([step(MATMUL)], {50: 1})
    ((start, place),) = accepted
    assert place == 1
    assert [cycle for cycle, (_, busy, *_) in enumerate(states) if busy] == list(range(start + 1, 51))


def test_nothing_is_pending_two_cycles_after_the_last_completion() -> None:
    _, states = run([step(LOAD), step(STORE)], {60: 0, 80: 3})
    (*_, last) = (cycle for cycle, state in enumerate(states) if not state[-1])
    assert last == 81
