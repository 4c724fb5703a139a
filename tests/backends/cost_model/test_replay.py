"""The (max, plus) replay against engines that work off queues, event by event."""

from __future__ import annotations

import random
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given

from tests.backends.cost_model.programs import RANDOM, random_program, random_routing
from vitaccel.arch import Arch
from vitaccel.arch import Routing as ExpertOrder
from vitaccel.backends.cost_model import pipelines
from vitaccel.backends.cost_model import replay as module
from vitaccel.backends.cost_model.replay import NOTHING, Slot, elapsed, replay
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.timing import Timing, timing
from vitaccel.ir.program import Engine, Lane, Layer, Load, MatMul, Program, Route, Routed


def queue_lengths(program: Program, routing: Routing, at: int) -> int | None:
    """Rows of an expert's instruction: its own queue, or with the longest first the queue of its rank."""
    instruction = program.instructions[at]
    if instruction.expert < 0:
        return None
    kernel = program.kernel_of[at]
    routes = [n for n in range(at + 1) if isinstance(program.instructions[n], Route) and program.kernel_of[n] == kernel]
    # Before anything is routed, which no pass makes, the first group is meant.
    lengths = list(routing.group_queues(program.layers[kernel])[max(0, len(routes) - 1)])
    if program.arch.moe.order == "longest":
        lengths.sort(key=lambda length: -length)
    return lengths[instruction.expert]


class EngineProcess:
    """One engine: a queue of (index, waits, duration) and what it has finished, in order."""

    def __init__(self) -> None:
        self.queue: deque[tuple[int, tuple[int, ...], Timing]] = deque()
        self.free_at = 0
        self.pending: deque[tuple[int, int]] = deque()
        self.completed = 0


def simulate(program: Program, spans: list[Timing]) -> list[tuple[int, int, int]]:
    """Start, end and completion of every instruction, one cycle after another.

    In a cycle, results arrive first and count only when all before them of the same engine have; then engines start
    what they can, again and again, as what takes no time lets others start.
    """
    engines = [EngineProcess() for _ in Engine]
    for at, (instruction, span) in enumerate(zip(program.instructions, spans, strict=True)):
        engines[instruction.engine].queue.append((at, instruction.waits, span))
    found = [(0, 0, 0)] * len(spans)
    cycle = 0
    while any(engine.queue or engine.pending for engine in engines):
        moved = True
        while moved:
            moved = False
            for engine in engines:
                while engine.pending and engine.pending[0][1] <= cycle:
                    at, _ = engine.pending.popleft()
                    found[at] = (*found[at][:2], cycle)
                    engine.completed += 1
                    moved = True
                if engine.queue and engine.free_at <= cycle:
                    at, waits, span = engine.queue[0]
                    if all(other.completed >= count for other, count in zip(engines, waits, strict=True)):
                        engine.queue.popleft()
                        engine.free_at = cycle + span.occupied
                        engine.pending.append((at, cycle + sum(span)))
                        found[at] = (cycle, engine.free_at, 0)
                        moved = True
        cycle += 1
    return found


def times(slots: list[Slot]) -> list[tuple[int, int, int]]:
    return [(slot.start, slot.start + slot.occupied, slot.done) for slot in slots]


@given(RANDOM)
def test_replay_equals_engines_that_work_off_queues(rng: random.Random) -> None:
    program = random_program(rng)
    routing = random_routing(rng, program)
    queues = [queue_lengths(program, routing, at) for at in range(len(program.instructions))]
    spans = [timing(i, program.arch, rows) for i, rows in zip(program.instructions, queues, strict=True)]
    slots = replay(program, routing)
    assert times(slots) == simulate(program, spans)
    assert [slot.rows for slot in slots] == [NOTHING if rows is None else rows for rows in queues]


@given(RANDOM)
def test_replay_equals_the_simulation_under_any_durations(rng: random.Random) -> None:
    program = random_program(rng)
    spans = [Timing(rng.choice((0, 1, rng.randint(0, 30))), rng.randint(0, 40)) for _ in program.instructions]
    following = iter(spans)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "timing", lambda *_: next(following))
        slots = replay(program, Routing())
    assert times(slots) == simulate(program, spans)


@given(RANDOM)
def test_engines_work_in_order_and_their_counts_only_grow(rng: random.Random) -> None:
    program = random_program(rng)
    slots = replay(program, random_routing(rng, program))
    for engine in Engine:
        own = [slot for i, slot in zip(program.instructions, slots, strict=True) if i.engine is engine]
        for before, after in pairwise(own):
            assert before.start + before.occupied <= after.start
            assert before.done <= after.done
    assert elapsed(slots) == max(slot.done for slot in slots)


@given(RANDOM)
def test_the_cause_is_the_result_that_came_last(rng: random.Random) -> None:
    program = random_program(rng)
    slots = replay(program, random_routing(rng, program))
    free = dict.fromkeys(Engine, 0)
    of_engine: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    for at, (instruction, slot) in enumerate(zip(program.instructions, slots, strict=True)):
        if slot.start == free[instruction.engine]:
            assert (slot.cause, slot.blocker) == (NOTHING, NOTHING)
        else:
            awaited = of_engine[Engine(slot.cause)][instruction.waits[slot.cause] - 1]
            assert slot.blocker == awaited
            assert slots[awaited].done == slot.start
        free[instruction.engine] = slot.start + slot.occupied
        of_engine[instruction.engine].append(at)


def test_by_hand() -> None:
    """The matmul waits for the lanes, which wait for the first matmul; the second result is there after the first."""
    arch = Arch()
    drained, streamed = pipelines.matmul_result(arch), pipelines.lane_result(arch, "add")
    first = MatMul(layer="a", a=0, out=0, row_blocks=1, tokens=1, k=100, n=1, n_tiles=1)
    lanes = Lane(layer="b", function="add", a=0, out=0, row_blocks=1, tokens=1, channels=50, waits=(0, 1, 0, 0))
    third = MatMul(layer="c", a=0, out=0, row_blocks=1, tokens=1, k=10, n=1, n_tiles=2, waits=(0, 0, 1, 0))
    slots = replay(
        Program("p", arch, [first, lanes, third], [0, 1, 2], [Layer(n, "linear", 0) for n in "abc"]), Routing()
    )
    there = 100 + drained
    assert slots == [
        Slot(0, 100, there, NOTHING, NOTHING, NOTHING),
        Slot(there, 50, there + 50 + streamed, Engine.COMPUTE, 0, NOTHING),
        Slot(there + 50 + streamed, 20, there + 70 + streamed + drained, Engine.VECTOR, 1, NOTHING),
    ]


def test_what_comes_just_when_the_engine_is_free_is_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "timing", lambda *_: Timing(10, 0))
    tile = {"layer": "a", "a": 0, "out": 0, "row_blocks": 1, "tokens": 1, "k": 1, "n": 1, "n_tiles": 1}
    load = Load(layer="a", dram=0, buffer="weight", address=0)
    program = Program("p", Arch(), [load, MatMul(**tile), MatMul(waits=(1, 0, 0, 0), **tile)], [0] * 3)
    program.layers.append(Layer("a", "linear", 0))
    assert replay(program, Routing())[2] == Slot(10, 10, 20, NOTHING, NOTHING, NOTHING)


@pytest.mark.parametrize(("order", "blocks"), [("static", [1, 3, 0]), ("longest", [3, 1, 0])])
def test_experts_run_in_the_machine_s_order_and_empty_ones_take_no_time(order: str, blocks: list[int]) -> None:
    arch = Arch(moe=ExpertOrder(order))
    layer = Layer("moe", "moe", 0, Routed(25, 3, 1, 0, 1))
    shared = {"layer": "moe", "a": 0, "out": 0, "row_blocks": 4, "tokens": 25, "k": 10, "n": 1, "n_tiles": 1}
    program = Program("p", arch, [MatMul(expert=e, **shared) for e in range(3)], [0, 0, 0], [layer])
    slots = replay(program, Routing("trace", {"moe": (5, 20, 0)}))
    assert [slot.occupied for slot in slots] == [10 * n for n in blocks]
    assert slots[2].done == slots[1].done


def test_a_program_of_nothing_takes_no_time() -> None:
    assert elapsed(replay(Program("p", Arch()), Routing())) == 0
