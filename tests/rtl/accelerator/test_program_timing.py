"""Cycles of programs: all engines together, and the queues of experts route by route."""

from __future__ import annotations

import pytest

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.expert_times import gather_cycles
from vitaccel_rtl.accelerator.program_timing import MachineTimes, program_times

MACHINE = MachineTimes(side=8, beat_bytes=8, burst_beats=16, outstanding=4, latency_cycles=20)
LOAD = {"dram": 0, "buffer": 0, "rows": 1, "row_bytes": 512, "stride_bytes": 512, "row_words": 64}
MATMUL = {"depth": 24, "row_blocks": 3, "n_tiles": 2, "interval": 3, "first_interval": 4, "result": 11}


def test_an_instruction_starts_behind_what_it_waits_for() -> None:
    done = program_times([("load", LOAD)], MACHINE).dones[0]
    run = program_times([("load", LOAD), ("matmul", MATMUL | {"wait_load": 1}), ("load", LOAD)], MACHINE)
    assert run.dones[0] == done
    assert run.starts[1] == -(-(done + latency.DONE_TO_START) // 8) * 8
    assert run.dones[1] == run.starts[1] + 8 * (18 + 11) - 4
    assert run.starts[2] < run.starts[1], "engines do not wait for each other where nothing says so"
    assert run.cycles == max(run.dones) + latency.RUN_END


def test_a_slower_memory_takes_as_much_longer() -> None:
    """The header, the instruction and its data, a latency each, as often as a frame begins."""
    slower = MachineTimes(side=8, beat_bytes=8, burst_beats=16, outstanding=4, latency_cycles=28)
    assert program_times([("load", LOAD)], slower).cycles == program_times([("load", LOAD)], MACHINE).cycles + 24


def test_a_memory_that_is_slower_than_its_port_moves_no_more_than_it_can() -> None:
    loads = [("load", LOAD)] * 6
    fast, slow = (
        program_times(loads, MachineTimes(**{**vars(MACHINE), "bytes_per_cycle": rate})) for rate in (None, 2.0)
    )
    assert fast == program_times(loads, MachineTimes(**{**vars(MACHINE), "bytes_per_cycle": 1000.0}))
    assert slow.dones[-1] == slow.starts[0] + 6 * 512 // 2 > fast.dones[-1]


def test_a_program_that_comes_slowly_keeps_engines_waiting() -> None:
    loads = [("load", LOAD)] * 6
    machine = MachineTimes(**{**vars(MACHINE), "fetch_words_per_cycle": 0.1})
    assert program_times(loads, machine).cycles >= program_times(loads, MACHINE).cycles + 5 * 80
    assert program_times(loads, MachineTimes(**{**vars(MACHINE), "fetch_words_per_cycle": 1.0})) == program_times(
        loads, MACHINE
    )


ROUTE = {"tokens": 21, "frame_tokens": 21, "experts": 3, "choices": 2, "interval": 2}
OF_EXPERT = {"has_expert": 1, "tiles": 3}


def test_a_route_makes_new_queues() -> None:
    program = [("route", ROUTE), ("gather", OF_EXPERT | {"expert": 2})] * 2
    run = program_times(program, MACHINE, [(0, 2, 11), (9, 4, 0)])
    taken = [done - start for start, done in zip(run.starts, run.dones, strict=True)]
    assert taken[1::2] == [gather_cycles(11, side=8, tiles=3), gather_cycles(0, side=8, tiles=3)]
    assert taken[0] == taken[2]
    assert run.free[1] == run.dones[1] + 1


def test_where_lanes_precede_an_expert_their_engine_is_free_when_they_rest() -> None:
    lane = {"function": 4, "row_blocks": 5, "interval": 2, "result": 9}
    alone, before_lane, before_route = (
        program_times([("lane", lane), *after], MACHINE).free[0] for after in ([], [("lane", lane)], [("route", ROUTE)])
    )
    assert alone == before_lane < before_route


@pytest.mark.parametrize(
    ("queues", "sentence"),
    [
        ([(1, 2, 3)], "queues must be those of 2 routes or more, not of 1"),
        ([(1, 2, 3), (1, 2)], "queues of a route must be those of 3 experts or more, not of 2"),
    ],
)
def test_queues_that_are_missing_are_told(queues: list[tuple[int, ...]], sentence: str) -> None:
    program = [("route", ROUTE), ("gather", OF_EXPERT), ("route", ROUTE), ("gather", OF_EXPERT | {"expert": 2})]
    with pytest.raises(ValueError, match=sentence):
        program_times(program, MACHINE, queues)


def test_an_expert_before_any_route_is_refused() -> None:
    with pytest.raises(ValueError, match="gather of an expert must come behind a route, not before any"):
        program_times([("gather", OF_EXPERT)], MACHINE, [(1, 2, 3)])
