# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""The vector engine against the reference, integer by integer and cycle by cycle."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.rtl.accelerator.engine_bench import LOOK
from tests.rtl.accelerator.vector_bench import FUNCTIONS, WORDS, Case, Traffic, engine_of
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.vector_engine import VectorEngine
from vitaccel_rtl.accelerator.vector_pace import vector_pace
from vitaccel_rtl.latency import SLOT_BUFFER, SLOTS

SIDES = (pytest.param(4, marks=pytest.mark.full), 5, 8)
"""Each is a build in every process; P = 4 runs in whole networks, too."""


def run(traffic: Traffic, cases: list[Case]) -> list[tuple[int, int]]:
    """Run instructions, compare the whole memory with the reference's, and return when they were accepted and done."""
    engine = engine_of(traffic.side, traffic.count)
    traffic.load(engine)
    traffic.load_moments(engine, cases)
    times = engine.run(*((isa.LANE, case.fields) for case in cases))
    engine.to_phase(0)
    for _ in range(SLOTS):
        engine.tick()
    expected = traffic.memory.copy()
    for case in cases:
        traffic.apply(case, expected)
    np.testing.assert_array_equal(engine.look(len(expected)), expected)
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


@pytest.mark.parametrize(
    ("side", "count"),
    [(4, 3), *(pytest.param(*at, marks=pytest.mark.full) for at in ((5, 2), (8, 3), (12, 3), (16, 2)))],
)
def test_words_of_several_parts_and_the_cycles_of_one(side: int, count: int, seed: int) -> None:
    """Results by rows, token-lane ones in a join that begins in any frame of any part, and what was there before."""
    traffic = Traffic(side, seed, count)
    for _ in range(3):
        traffic.forget()
        kinds = [*traffic.rng.sample(FUNCTIONS, len(FUNCTIONS)), *traffic.rng.choices(("moving", *FUNCTIONS), k=6)]
        cases = [traffic.moving("copy") if kind == "moving" else traffic.case(kind) for kind in kinds]
        cases = [case for case in cases if case]
        check_times(cases, run(traffic, cases))


def outcome(traffic: Traffic, cases: list[Case]) -> bool:
    """Whether the whole memory is the reference's after these instructions; a reset forgets what they left."""
    try:
        run(traffic, cases)
    except AssertionError:
        return False
    finally:
        engine_of(traffic.side, traffic.count).model.reset()
    return True


def sooner(case: Case, **fewer: int) -> Case:
    """Return a case with so many frames less."""
    return replace(case, fields={**case.fields, **{name: case.fields[name] - less for name, less in fewer.items()}})


@pytest.mark.parametrize("by_rows", [0, 1])
@pytest.mark.parametrize(("function", "has_moments"), [("convert", 0), ("layernorm", 0), ("layernorm", 1), ("add", 0)])
def test_a_frame_less_from_row_block_to_row_block_is_wrong(
    function: str, has_moments: int, by_rows: int, seed: int
) -> None:
    traffic, of_moments = Traffic(8, seed), {"has_moments": has_moments}
    case = traffic.case(function, channels=36, row_blocks=3, by_rows=by_rows, a_is_wide=1, has_b=1, **of_moments)
    assert case is not None
    assert outcome(traffic, [case])
    assert not outcome(traffic, [sooner(case, interval=1)])


@pytest.mark.parametrize("channels", [3, 8, 21])
def test_a_frame_less_from_moments_to_normal_form_is_wrong(channels: int, seed: int) -> None:
    """Last lanes' factors come last. Too late, those of an earlier row-block are taken, which may be the same."""
    traffic, right = Traffic(8, seed), []
    for _ in range(6):
        traffic.forget()
        case = traffic.case("layernorm", channels=channels, row_blocks=1, by_rows=0, is_wide=1, has_moments=0)
        assert case is not None
        right.append(outcome(traffic, [sooner(case, scale=1)]))
        assert outcome(traffic, [case])
    assert not all(right)


@pytest.mark.parametrize(("side", "count"), [(5, 1), (8, 1), (8, 3)])
@pytest.mark.parametrize("row_blocks", [1, 3])
def test_a_frame_less_from_asking_to_normal_form_is_wrong(side: int, count: int, row_blocks: int, seed: int) -> None:
    """Moments that were taken as rows drained are asked for; those of several arrays are their sum, which is later."""
    traffic, right = Traffic(side, seed, count), []
    for _ in range(6):
        traffic.forget()
        case = traffic.case("layernorm", channels=3, row_blocks=row_blocks, by_rows=0, is_wide=1, has_moments=1)
        assert case is not None
        assert case.pace.scale > case.pace.interval
        right.append(outcome(traffic, [sooner(case, scale=1)]))
        assert outcome(traffic, [case])
    assert not all(right)


def last_word(case: Case) -> int:
    """Where the word is that is written last."""
    f = case.fields
    if f["by_rows"]:
        out = f["out"] + (f["tiles"] - 1) * f["out_tile_step"] + (f["row_blocks"] - 1) * f["out_step"]
        return out + f["last_rows"] - 1
    return f["out"] + (f["row_blocks"] - 1) * f["out_step"] + f["channels"] - 1


def seen(traffic: Traffic, case: Case, frames: int) -> bool:
    """Whether a run sees the last word of the result that starts so many frames after what the formula says."""
    engine, address = engine_of(traffic.side, traffic.count), last_word(case)
    traffic.load(engine)
    io = engine.model.io
    engine.to_phase(0)
    words = sum(word << 32 * place for place, word in enumerate(isa.LANE.encode(case.fields)))
    io.i__valid, io.i__payload = 1, words << isa.OPERATION.bits | isa.LANE.code
    assert io.i__ready
    start = case.pace.starts(case.fields["row_blocks"])[-1] + case.pace.result + frames
    engine.tick()
    io.i__valid = 0
    for _ in range(SLOTS * start):
        engine.tick()
    # What a `RunReader` does: from a cycle after its start on, it asks for a word when it meets its bank.
    while (io.phase + LOOK) % SLOTS != address % SLOTS:
        engine.tick()
    io.look_line = address // SLOTS
    for _ in range(SLOT_BUFFER):
        engine.tick()
    word = np.frombuffer(io.look_word.to_bytes(traffic.side, "little"), np.uint8)
    expected = traffic.memory.copy()
    traffic.apply(case, expected)
    for _ in range(4 * SLOTS):
        engine.tick()
    return bool((word == expected[address]).all())


@pytest.mark.parametrize("by_rows", [0, 1])
@pytest.mark.parametrize("side", SIDES)
def test_results_are_there_when_the_formula_says(side: int, by_rows: int, seed: int) -> None:
    traffic = Traffic(side, seed)
    for channels in range(9, 17):
        traffic.forget()
        case = traffic.case("convert", channels=channels, row_blocks=2, by_rows=by_rows)
        assert case is not None
        # Wherever it begins: its last word waits for its bank for a time of its own.
        case = replace(case, fields={**case.fields, "out": case.fields["out"] + channels % SLOTS})
        assert seen(traffic, case, 0)
        assert not seen(traffic, case, -4)


@pytest.mark.parametrize("by_rows", [0, 1])
def test_results_are_not_there_a_frame_before_where_the_last_word_waits_longest(by_rows: int, seed: int) -> None:
    """Its run begins in the bank that comes last, and ends as late in a frame as it can for the next but one."""
    traffic = Traffic(8, seed)
    case = traffic.case("convert", channels=14, row_blocks=2, by_rows=by_rows)
    assert case is not None
    if by_rows:
        case = with_spread(replace(case, fields={**case.fields, "last_rows": 2, "out": case.fields["out"] + 6}), 8, 0)
    else:
        case = replace(case, fields={**case.fields, "out": case.fields["out"] + 2})
    assert seen(traffic, case, 0)
    assert not seen(traffic, case, -1)


def with_spread(case: Case, side: int, spread: int) -> Case:
    """Return a case with the times for row-blocks of which one may wait so much longer than the next."""
    f = case.fields
    pace = vector_pace(
        side=side, function=case.function, channels=f["channels"], last_rows=f["last_rows"],
        a_is_wide=bool(f["a_is_wide"]), has_b=bool(f["has_b"]), by_rows=bool(f["by_rows"]),
        has_moments=bool(f["has_moments"]), spread=spread,
    )  # fmt: skip
    fields = {**f, "interval": pace.interval, "scale": pace.scale, "result": pace.result}
    return replace(case, pace=pace, fields=fields)


@pytest.mark.parametrize("side", SIDES)
def test_rows_that_begin_in_other_banks(side: int, seed: int) -> None:
    """Joins of channels and heads of odd width: everything begins anywhere, and aligned instructions come between."""
    traffic = Traffic(side, seed)
    cases = []
    for kind in traffic.rng.choices(("copy", "convert", "add", "layernorm"), k=10):
        case = traffic.case(kind, channels=traffic.rng.randint(1, 20), row_blocks=2)
        if case and traffic.rng.randrange(2):
            f = case.fields
            moved = {name: f[name] + traffic.rng.randrange(SLOTS) for name in ("a", "b")}
            if not f["by_rows"]:
                moved["out"] = f["out"] + traffic.rng.randrange(SLOTS)
                traffic.next_out += SLOTS
            case = replace(case, fields={**f, **moved})
            case = with_spread(case, side, SLOTS - 1 if f["by_rows"] and side % SLOTS else 0)
        if case and traffic.next_out <= WORDS:
            cases.append(case)
    check_times(cases, run(traffic, cases))


def test_steps_to_other_banks(seed: int) -> None:
    traffic = Traffic(8, seed)
    for channels in (9, 14, 16):
        traffic.forget()
        case = traffic.case("copy", channels=channels, row_blocks=4, by_rows=0)
        assert case is not None
        for step in (3, 5, 7):
            fields = {**case.fields, "a_step": case.fields["a_step"] + step}
            moved = with_spread(replace(case, fields=fields), 8, SLOTS - 1)
            check_times([moved], run(traffic, [moved]))


def test_an_engine_that_writes_a_cycle_early_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.latency.VECTOR", latency.VECTOR - 1)
    engine_of.cache_clear()
    traffic = Traffic(4, seed)
    case = traffic.case("copy", channels=9)
    assert case is not None
    assert not outcome(traffic, [case])
    engine_of.cache_clear()


def test_parameters_out_of_range_are_refused() -> None:
    sentence = "side of a vector engine must be an integer from 4 to 32, not 33"
    sizes = {"words": 64, "sets": 8, "table": (1,) * 32, "entry_bits": 7, "centre": 0}
    refuses(sentence, VectorEngine, side=33, **sizes)


@pytest.mark.parametrize("function", ["layernorm", "add"])
def test_a_reset_in_an_instruction_forgets_it(function: str, seed: int) -> None:
    traffic = Traffic(5, seed)
    case = traffic.case(function, channels=20, row_blocks=4, by_rows=1)
    assert case is not None
    engine = engine_of(5, 1)
    words = sum(word << 32 * place for place, word in enumerate(isa.LANE.encode(case.fields)))
    for cycles in traffic.rng.sample(range(1, 150), 6):
        engine.to_phase(0)
        engine.model.io.i__valid, engine.model.io.i__payload = 1, words << isa.OPERATION.bits | isa.LANE.code
        engine.tick()
        engine.model.io.i__valid = 0
        for _ in range(cycles):
            engine.tick()
        engine.model.reset()
        check_times([case], run(traffic, [case]))
