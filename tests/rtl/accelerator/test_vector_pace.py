from __future__ import annotations

import itertools

import pytest

from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_rtl.accelerator.row_times import FROM_END
from vitaccel_rtl.accelerator.vector_pace import VectorPace, vector_pace
from vitaccel_rtl.latency import SLOTS, vector_drained, vector_rows_drain

FUNCTIONS = [function for function in LANE_FUNCTIONS if function != "head_mean"]


def test_a_word_a_cycle_where_rows_are_whole_frames() -> None:
    pace = vector_pace(side=16, function="convert", channels=192, last_rows=16, a_is_wide=True)
    assert pace == VectorPace(interval=24, scale=0, result=31, drain=0)
    assert pace.occupied(13) == 1 + 13 * 24
    assert pace.done_cycles(13) == SLOTS * (1 + 12 * 24 + 31) - 4


def test_both_bytes_of_a_second_operand_take_twice_the_frames() -> None:
    wide = vector_pace(side=8, function="add", channels=40, last_rows=8, a_is_wide=True, has_b=True)
    narrow = vector_pace(side=8, function="add", channels=40, last_rows=8, has_b=True)
    moved = vector_pace(side=8, function="copy", channels=40, last_rows=8, moves=True)
    assert (wide.interval, narrow.interval, moved.interval) == (10, 5, 10)
    assert (wide.result, narrow.result, moved.result) == (17, 12, 17)


def test_a_layernorm_is_streamed_twice() -> None:
    pace = vector_pace(side=8, function="layernorm", channels=64, last_rows=8, a_is_wide=True)
    assert (pace.interval, pace.scale, pace.result) == (8, 13, 15)
    # In the order M(0), M(1), N(0), M(2), N(1), N(2).
    assert pace.starts(1) == (1 + 13,)
    assert pace.starts(3) == (17, 33, 41)
    assert pace.occupied(3) == 1 + 2 * 3 * 8


def test_short_rows_of_a_layernorm_wait_for_their_factors() -> None:
    pace = vector_pace(side=8, function="layernorm", channels=8, last_rows=8, a_is_wide=True)
    assert (pace.interval, pace.scale) == (1, 6)
    # Moments begin in the frames 1, 2, 8 and 10.
    assert pace.starts(4) == (7, 9, 14, 16)


def test_a_layernorm_that_has_its_moments_is_streamed_once() -> None:
    pace = vector_pace(side=8, function="layernorm", channels=64, last_rows=8, a_is_wide=True, has_moments=True)
    assert pace == VectorPace(interval=8, scale=4, result=15, drain=0, is_asked=True)
    assert pace.starts(3) == (1 + 4, 13, 21)
    assert pace.occupied(3) == 1 + 4 + 3 * 8
    # Rows that are shorter than what their factors take wait for them.
    short = vector_pace(side=8, function="layernorm", channels=8, last_rows=8, a_is_wide=True, has_moments=True)
    assert short.starts(3) == (1 + 4, 9, 13)


@pytest.mark.parametrize("side", [8, 16, 24, 32])
def test_the_sum_of_several_arrays_moments_takes_cycles_but_no_frame(side: int) -> None:
    sizes = {"side": side, "function": "layernorm", "channels": 96, "last_rows": 8, "has_moments": True}
    for arrays, levels in ((1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3)):
        assert vector_drained(arrays) == vector_drained(1) + levels
        pace = vector_pace(**sizes, arrays=arrays)
        assert pace == vector_pace(**sizes)
        assert SLOTS * (pace.scale - 1) < vector_drained(arrays) + side - 1 <= SLOTS * pace.scale


@pytest.mark.parametrize("side", [4, 5, 8, 16, 32])
def test_rows_as_long_as_a_network_has_them_take_less_with_moments(side: int) -> None:
    for channels, row_blocks in itertools.product((48, 192, 384, 768, 1024), (1, 2, 3, 50)):
        sizes = {"side": side, "function": "layernorm", "channels": channels, "last_rows": side, "a_is_wide": True}
        twice, once = (vector_pace(**sizes, has_moments=has, arrays=8) for has in (False, True))
        assert once.result == twice.result
        assert once.occupied(row_blocks) < twice.occupied(row_blocks)


def test_tiles_by_rows_take_whole_frames() -> None:
    pace = vector_pace(side=12, function="copy", channels=30, last_rows=5, by_rows=True)
    assert pace.interval == 3 * 2
    assert pace.drain == vector_rows_drain(12)
    assert [vector_rows_drain(side) for side in (4, 5, 8, 16, 32)] == [1, 1, 2, 3, 5]


def test_row_blocks_that_begin_elsewhere_take_a_frame_more_where_the_last_has_no_room() -> None:
    for channels, spread in itertools.product(range(1, 40), range(8)):
        pace = vector_pace(side=8, function="copy", channels=channels, last_rows=8, spread=spread)
        last = (channels - 1) % SLOTS + 1
        assert pace.interval == -(-channels // SLOTS) + (last + spread > SLOTS)


@pytest.mark.parametrize("side", range(4, 33))
def test_results_come_after_the_interval_and_not_too_late_for_the_gateware(side: int) -> None:
    flags = itertools.product((False, True), repeat=4)
    for (wide, has_b, by_rows, moves), channels, spread in itertools.product(flags, (1, 7, 8, 9, 100, 4096), (0, 7)):
        for function in FUNCTIONS:
            if function == "layernorm" and (has_b or moves):
                continue
            for last_rows in (1, side):
                pace = vector_pace(
                    side=side, function=function, channels=channels, last_rows=last_rows, a_is_wide=wide,
                    has_b=has_b, by_rows=by_rows, moves=moves, spread=spread,
                )  # fmt: skip
                assert 1 <= pace.result - pace.interval - pace.drain <= FROM_END
