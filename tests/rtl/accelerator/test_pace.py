"""Times of the compute engine: what they must leave room for, and no frame more."""

from __future__ import annotations

import pytest

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SET_BYTES
from vitaccel_rtl.accelerator.pace import (
    DRAIN,
    LOGITS,
    RESULT,
    SETS_LATE,
    attention_pace,
    frames,
    lead,
    matmul_pace,
)
from vitaccel_rtl.latency import SLOTS

SIDES = (4, 5, 8, 12, 16, 32)


def least(room: int) -> int:
    """The least number of frames with room for so many cycles."""
    return next(count for count in range(10_000) if SLOTS * count >= room)


def test_frames_are_rounded_up() -> None:
    assert [frames(cycles) for cycles in (0, 1, 8, 9, 64)] == [0, 1, 1, 2, 8]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("depth", [1, 7, 16, 100])
@pytest.mark.parametrize("spread", [0, 7])
def test_tiles_of_a_matmul_are_as_close_as_array_and_runs_allow(side: int, depth: int, spread: int) -> None:
    pace = matmul_pace(depth, side, spread=spread, out_spread=spread, b_is_activation=False)
    assert pace.interval == least(max(depth, side) + spread)
    assert pace.first_interval == max(pace.interval, least(depth + SET_BYTES))
    assert pace.result == least(depth + RESULT + side + latency.WRITE_RUN)


@pytest.mark.parametrize("side", SIDES)
def test_results_by_rows_wait_for_all_sets_of_their_columns(side: int) -> None:
    usual, rows = (matmul_pace(40, side, by_rows=by_rows, b_is_activation=False) for by_rows in (False, True))
    assert rows.result == least(40 + RESULT + SETS_LATE + side + latency.WRITE_RUN) >= usual.result
    assert matmul_pace(4, side, b_is_activation=True).first_interval == least(max(4, SLOTS + side))


@pytest.mark.parametrize("side", SIDES)
def test_a_shallow_tile_does_not_overtake_the_one_before_it(side: int) -> None:
    for depth in range(1, 2 * side):
        assert SLOTS * (lead(depth, side) - 1) + depth >= side - 1
        assert lead(depth, side) == 1 or SLOTS * (lead(depth, side) - 2) + depth < side - 1


def test_the_residual_is_there_when_the_first_sum_asks_for_it() -> None:
    """Of a tile of one word, and so of every other."""
    there = latency.READ_RUN + 1  # its first bytes, and the register behind them
    assert there <= 1 + DRAIN + 1


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("head_dim", "keys"), [(16, 197), (64, 8), (8, 5)])
def test_attention_waits_for_its_statistics_and_for_nothing_else(side: int, head_dim: int, keys: int) -> None:
    shape = {"has_lines": False, "numerator_bits": 8}
    pace = attention_pace(side=side, head_dim=head_dim, keys=keys, **shape)
    assert pace.logits_interval == least(max(head_dim, side, side + head_dim - keys))
    assert pace.values_interval == least(max(keys, side, side + keys - head_dim))
    assert pace.result == least(keys + RESULT + side + latency.WRITE_RUN)
    summary = latency.softmax_statistics(has_lines=False)
    known = head_dim + LOGITS + side - 1 + summary
    numerators = SLOTS * pace.statistics + latency.READ_RUN - latency.softmax_numerators(has_lines=False, bits=8)
    sums = SLOTS * pace.statistics + keys + DRAIN
    assert numerators >= known + 1
    assert sums >= known + latency.ROW_FACTOR + 1
    assert numerators - SLOTS < known + 1 or sums - SLOTS < known + latency.ROW_FACTOR + 1
