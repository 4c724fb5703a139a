"""Matmuls of the compute engine whose row-blocks a queue gives; of an empty queue there are none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rtl.accelerator.engine_bench import Engine
from tests.rtl.accelerator.test_compute_engine import OUT, WORDS, put, rows_of, starting, weights_into
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.completions import DONE_PHASE
from vitaccel_rtl.accelerator.expert_times import SKIPPED
from vitaccel_rtl.accelerator.pace import lead, matmul_pace
from vitaccel_rtl.latency import SLOTS

DEPTH, FIRST, A, A_STEP, STEP = 11, 24, 8, 24, 24


def fill(engine: Engine, queues: dict[int, int]) -> None:
    """Say how many row-blocks the queues of some slots have."""
    io = engine.model.io
    for slot, blocks in queues.items():
        io.queue_write, io.queue_slot, io.queue_blocks = 1, slot, blocks
        engine.tick()
    io.queue_write = 0


def fields_of(side: int, slot: int, place: int) -> dict[str, int]:
    """A matmul for four row-blocks at most, unless its queue says otherwise."""
    return {
        "a": A, "a_step": A_STEP, "depth": DEPTH, "row_blocks": 4, "n_tiles": 1, "b": FIRST, "b_step": DEPTH + 8,
        "out": OUT + place * 4 * STEP, "out_step": STEP, "out_tile_step": side, "last_rows": side, "expert": slot,
        "has_expert": 1, **matmul_pace(DEPTH, side, b_is_activation=False)._asdict(),
    }  # fmt: skip


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("blocks", [(2, 0, 1, 0, 0, 3), (0, 0, 0, 0, 0, 0), (4, 1, 2, 3, 1, 4)])
def test_queues_give_the_rows(side: int, blocks: tuple[int, ...], seed: int) -> None:
    random, engine, memory = starting(side, seed)
    slots = [int(slot) for slot in random.choice(isa.MOST_EXPERTS, len(blocks), replace=False)]
    fill(engine, dict(zip(slots, blocks, strict=True)))
    matrix, sets = weights_into(engine, random, FIRST, DEPTH, 1)
    instructions = [(isa.MATMUL, fields_of(side, slot, place)) for place, slot in enumerate(slots)]
    times = engine.run(*instructions)
    expected = sets.requantize(rows_of(memory, A, A_STEP, 4, DEPTH) @ matrix, 8)
    for place, count in enumerate(blocks):
        for block in range(count):
            at = OUT + (place * 4 + block) * STEP
            put(memory, at, 0, expected[block * side : (block + 1) * side].T, wide=False)
    np.testing.assert_array_equal(engine.look(WORDS), memory)
    assert [done for _, done in times] == sorted(done for _, done in times)


def test_cycles_of_rows_and_of_none(seed: int) -> None:
    side = 4
    _, engine, _ = starting(side, seed)
    fill(engine, {0: 2, 1: 0, 2: 2})
    for _ in range(64):
        engine.tick()
    times = engine.run(*((isa.MATMUL, fields_of(side, slot, slot)) for slot in range(3)))
    pace = matmul_pace(DEPTH, side, b_is_activation=False)
    whole = SLOTS * (lead(DEPTH, side) + pace.first_interval + pace.result - 1) + DONE_PHASE
    (first, first_done), (_, second_done), (third, third_done) = times
    assert (first_done - first, third_done - third) == (whole, whole)
    assert second_done - first_done == SLOTS * SKIPPED, "what has no rows waits for what is under way"
    assert third == second_done - DONE_PHASE, "the next comes in the frame behind the skip"


def test_rows_of_the_instruction_itself_where_it_is_no_expert_s(seed: int) -> None:
    random, engine, memory = starting(4, seed)
    fill(engine, {0: 0})
    matrix, sets = weights_into(engine, random, FIRST, DEPTH, 1)
    engine.run((isa.MATMUL, {**fields_of(4, 0, 0), "has_expert": 0}))
    for block in range(4):
        product = rows_of(memory, A + block * A_STEP, A_STEP, 1, DEPTH) @ matrix
        put(memory, OUT + block * STEP, 0, sets.requantize(product, 8).T, wide=False)
    np.testing.assert_array_equal(engine.look(WORDS), memory)
