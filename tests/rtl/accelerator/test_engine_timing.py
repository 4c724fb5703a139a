"""When engines accept and complete: instructions in each other's way, and experts with entries and without."""

from __future__ import annotations

import pytest

from vitaccel_rtl.accelerator.engine_timing import DONE_BEFORE, ComputeTimes, VectorTimes
from vitaccel_rtl.accelerator.expert_times import SKIPPED, gather_cycles, scatter_cycles
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_rtl.accelerator.static_work import lane_work, matmul_work
from vitaccel_rtl.latency import SLOTS

MATMUL = {"depth": 24, "row_blocks": 3, "n_tiles": 2, "interval": 3, "first_interval": 4, "result": 11}
LANE = {"function": 4, "row_blocks": 5, "interval": 2, "result": 9}
ROUTE = {"tokens": 21, "frame_tokens": 21, "experts": 6, "choices": 2, "interval": 2}
GATHER = {"tiles": 3}
SCATTER = {"channels": 20, "interval": 6}


def test_completions_are_a_frame_apart() -> None:
    engine = ComputeTimes(side=8)
    slow = engine.complete("matmul", MATMUL | {"result": 40}, 0)
    assert engine.ready("matmul") == 8 * 21
    assert engine.complete("matmul", MATMUL | {"result": 1}, engine.ready("matmul")) == slow + 8


@pytest.mark.parametrize(("entries", "row_blocks"), [(1, 1), (8, 1), (9, 2), (40, 5)])
def test_a_matmul_of_an_expert_has_the_rows_of_its_queue(entries: int, row_blocks: int) -> None:
    engine, takes = ComputeTimes(side=8), matmul_work(MATMUL | {"row_blocks": row_blocks}, 8)
    assert engine.complete("matmul", MATMUL, 80, entries) == 80 + SLOTS * takes.result - DONE_BEFORE
    assert engine.ready("matmul") == 80 + SLOTS * takes.occupied


def test_a_matmul_without_rows_waits_for_what_is_under_way() -> None:
    engine = ComputeTimes(side=8)
    before = engine.complete("matmul", MATMUL, 0)
    accepted = engine.ready("matmul")
    assert accepted < before
    assert engine.complete("matmul", MATMUL, accepted, 0) == before + SLOTS * SKIPPED
    assert engine.ready("matmul") == before + DONE_BEFORE + SLOTS
    late = engine.ready("matmul") + 80
    assert engine.complete("matmul", MATMUL, late, 0) == late + SLOTS + SLOTS * SKIPPED - DONE_BEFORE
    assert engine.ready("matmul") == late + 2 * SLOTS


def test_experts_wait_until_the_lanes_rest_and_lanes_until_an_expert_is_done() -> None:
    engine, takes = VectorTimes(side=8), lane_work(LANE, 8)
    done = engine.complete("lane", LANE, 0)
    assert engine.ready("lane") == SLOTS * takes.occupied < done
    assert engine.ready("route") == engine.ready("gather") == done + DONE_BEFORE
    accepted = engine.ready("gather")
    done = engine.complete("gather", GATHER, accepted, 11)
    assert done == accepted + gather_cycles(11, side=8, tiles=3)
    assert engine.ready("lane") == engine.ready("scatter_add") == done + 1


def test_a_layernorm_that_has_its_moments_lets_the_next_come_sooner() -> None:
    """What waits for the lanes' rest as well: rows of so many frames are streamed once."""
    engines = {has: VectorTimes(side=8) for has in (0, 1)}
    for has, engine in engines.items():
        fields = LANE | {"function": LANE_FUNCTIONS.index("layernorm"), "interval": 20, "has_moments": has}
        engine.complete("lane", fields | {"scale": 4 if has else 25}, 0)
    for operation in ("lane", "route"):
        assert engines[0].ready(operation) - engines[1].ready(operation) == SLOTS * (5 * 20 - 4)


def test_entries_take_their_time() -> None:
    engine = VectorTimes(side=8)
    assert engine.complete("scatter_add", SCATTER, 8, 0) == 8 + scatter_cycles(0, channels=20, interval=6)
    assert engine.complete("scatter_add", SCATTER, 80, 7) == 80 + scatter_cycles(7, channels=20, interval=6)


def test_a_route_takes_longer_with_lines() -> None:
    """The statistics of its softmax have a stage more; queues that are not there yet change nothing."""
    taken = [VectorTimes(side=8, router_has_lines=lines).complete("route", ROUTE, 0) for lines in (False, True)]
    assert 0 < taken[0] < taken[1]
