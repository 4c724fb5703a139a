"""The vector engine against the reference, integer by integer and cycle by cycle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.rtl.accelerator.vector_bench import FUNCTIONS, WORDS, Case, Traffic, engine_of
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.latency import SLOTS

SIDES = (4, 5, 8)


def run(traffic: Traffic, cases: list[Case]) -> list[tuple[int, int]]:
    """Run instructions, compare the whole memory with the reference's, and return when they were accepted and done."""
    engine = engine_of(traffic.side)
    traffic.load(engine)
    times = engine.run(*((isa.LANE, case.fields) for case in cases))
    engine.to_phase(0)
    for _ in range(SLOTS):
        engine.tick()
    expected = traffic.memory.copy()
    for case in cases:
        traffic.apply(case, expected)
    np.testing.assert_array_equal(engine.look(WORDS), expected)
    return times


def check_times(cases: list[Case], times: list[tuple[int, int]]) -> None:
    """Require that every instruction was accepted and done in the cycles of the formulas."""
    for case, (accepted, done) in zip(cases, times, strict=True):
        assert done - accepted == case.pace.done_cycles(case.fields["row_blocks"]), case
    for (case, (accepted, _)), (_, (following, _)) in pairwise(zip(cases, times, strict=True)):
        assert following - accepted == SLOTS * case.pace.occupied(case.fields["row_blocks"]), case


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function(side: int, function: str, seed: int) -> None:
    traffic = Traffic(side, seed)
    cases = [case for case in (traffic.case(function) for _ in range(6)) if case]
    check_times(cases, run(traffic, cases))


@pytest.mark.parametrize("side", SIDES)
def test_tokens_move_by_lanes(side: int, seed: int) -> None:
    traffic = Traffic(side, seed)
    cases = [traffic.moving(function) for function in ("copy", "convert") * 4]
    cases = [case for case in cases if case]
    check_times(cases, run(traffic, cases))


@pytest.mark.parametrize("side", SIDES)
def test_instructions_of_all_kinds_follow_each_other(side: int, seed: int) -> None:
    traffic = Traffic(side, seed)
    for _ in range(3):
        traffic.forget()
        kinds = [traffic.rng.choice((*FUNCTIONS, "moving")) for _ in range(14)]
        cases = [traffic.moving("copy") if kind == "moving" else traffic.case(kind) for kind in kinds]
        cases = [case for case in cases if case]
        check_times(cases, run(traffic, cases))
