# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: components that are refused are not elaborated here)
"""The load engine: every word at its place, whatever the memory does; completions in order; cycles as computed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.rtl.accelerator.transfer_bench import (
    MORE_POINTS,
    ONE_PART,
    POINTS,
    WORDS,
    Watched,
    dma_sizes,
    random_part_transfer,
    random_transfer,
    rows_of,
    run_load,
)
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.load_engine import LoadEngine
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.transfer import ACTIVATION, PARAMETER, TABLE, WEIGHT, Times, Transfer
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.axi_memory import BEHAVIOURS, SLAVE_ERROR, Behaviour
from vitaccel_sim.bench.dma_jobs import random_content

BUFFERS = (ACTIVATION, WEIGHT, PARAMETER, TABLE)


def engine_of(point: dict[str, Any], jobs: int = 8, parts: int = 1) -> LoadEngine:
    sizes = {"activation_words": WORDS, "weight_words": WORDS, "parameter_sets": WORDS, "parts": parts}
    return LoadEngine(**sizes, jobs=jobs, **point)


def expected(
    transfers: Sequence[Transfer], content: bytearray, side: int, parts: Parts = ONE_PART
) -> dict[int, dict[int, int]]:
    """Return what each buffer holds, by the meaning of the instructions."""
    memories: dict[int, dict[int, int]] = {buffer: {} for buffer in BUFFERS}
    for transfer in transfers:
        memory = memories[transfer.buffer]
        data = bytes(content[transfer.dram : transfer.dram + transfer.row_bytes])
        if transfer.buffer in (ACTIVATION, WEIGHT):
            memory |= {place: int.from_bytes(word, "little") for place, word in rows_of(transfer, content, side, parts)}
        elif transfer.buffer == PARAMETER:
            for at in range(0, len(data), 8):
                memory[transfer.address + at // 8] = int.from_bytes(data[at : at + 8], "little")
        else:
            size = len(data) // 256
            for entry in range(256):
                value = int.from_bytes(data[entry * size : (entry + 1) * size], "little", signed=True)
                memory[256 * transfer.address + entry] = value & 0xFFFF
    return memories


def check(run: Watched, transfers: Sequence[Transfer], content: bytearray, side: int, parts: Parts = ONE_PART) -> None:
    assert len(run.done) == len(transfers)
    memories = expected(transfers, content, side, parts)
    for buffer in BUFFERS:
        assert run.memory(buffer) == memories[buffer], f"buffer {buffer}"


def times_of(
    engine: LoadEngine, transfers: Sequence[Transfer], *, jobs: int, latency_cycles: int, gaps: Sequence[int]
) -> list[Times]:
    sizes = dma_sizes(engine.geometry) | {"buffer_beats": engine.buffer_beats, "latency_cycles": latency_cycles}
    timing = LoadTimes(side=engine.geometry.word_bytes, jobs=jobs, dma=sizes)
    times, offered = [], 0
    for transfer, gap in zip(transfers, gaps, strict=True):
        times.append(timing.times_of(transfer, offered))
        offered = times[-1].accepted + 1 + gap
    return times


@pytest.mark.parametrize("latency_cycles", [1, 40])
@pytest.mark.parametrize("point", [*POINTS, *MORE_POINTS], ids=str)
def test_words_and_cycles(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    rng = random.Random(seed)
    content, side, jobs = random_content(seed), point["side"], rng.choice((3, 8))
    transfers = [random_transfer(rng, side, buffer) for buffer in rng.sample(BUFFERS * 2, 6)]
    gaps = [rng.choice((0, 0, rng.randrange(200))) for _ in transfers]
    engine = engine_of(point, jobs)
    run = run_load(engine, transfers, content, behaviour=Behaviour(latency=latency_cycles), gaps=gaps)
    check(run, transfers, content, side)
    times = times_of(engine, transfers, jobs=jobs, latency_cycles=latency_cycles, gaps=gaps)
    assert list(zip(run.accepted, run.done, strict=True)) == times


@pytest.mark.parametrize("buffer", BUFFERS)
def test_cycles_of_jobs_that_follow_each_other(buffer: int, seed: int) -> None:
    """Rows of few words, which wait for their banks; a buffer for one burst; bursts that wait for their places."""
    rng = random.Random(seed)
    point = {"side": 8, "data_bits": 64, "burst_beats": 4, "outstanding": 1}
    transfers = [random_transfer(rng, 8, buffer, most_words=24) for _ in range(8 if buffer != TABLE else 3)]
    engine = engine_of(point | {"buffer_beats": 4}, 3)
    run = run_load(engine, transfers, random_content(seed), behaviour=Behaviour(latency=2))
    gaps = [0] * len(transfers)
    times = times_of(engine, transfers, jobs=3, latency_cycles=2, gaps=gaps)
    assert list(zip(run.accepted, run.done, strict=True)) == times


@pytest.mark.parametrize(("point", "count"), [(POINTS[3], 2), (POINTS[3], 3), (POINTS[0], 2), (POINTS[2], 3)])
def test_words_of_several_parts_and_the_cycles_of_one(point: dict[str, Any], count: int, seed: int) -> None:
    rng, side = random.Random(seed), point["side"]
    parts, content = Parts(count=count, words=WORDS), random_content(seed)
    transfers = [random_part_transfer(rng, side, buffer, parts) for buffer in rng.sample((ACTIVATION, *BUFFERS) * 2, 8)]
    gaps = [rng.choice((0, 0, rng.randrange(200))) for _ in transfers]
    engine = engine_of(point, 3, count)
    run = run_load(engine, transfers, content, behaviour=Behaviour(latency=20), gaps=gaps)
    check(run, transfers, content, side, parts)
    times = times_of(engine, transfers, jobs=3, latency_cycles=20, gaps=gaps)
    assert list(zip(run.accepted, run.done, strict=True)) == times


@pytest.mark.parametrize("behaviour", BEHAVIOURS[2:4], ids=str)
def test_words_whatever_the_memory_does(behaviour: Behaviour, seed: int) -> None:
    rng = random.Random(seed)
    content = random_content(seed)
    transfers = [random_transfer(rng, 5, buffer, most_words=30) for buffer in BUFFERS]
    run = run_load(engine_of(POINTS[2]), transfers, content, behaviour=behaviour)
    check(run, transfers, content, 5)


def test_what_was_loaded_is_there_when_who_waited_reads_it(seed: int) -> None:
    """A run that starts as early as may be asks the activation buffer a cycle later, and the others 10 or more."""
    rng = random.Random(seed)
    transfers = [random_transfer(rng, 8, rng.choice((ACTIVATION, WEIGHT, PARAMETER)), 20) for _ in range(8)]
    run = run_load(engine_of(POINTS[3]), transfers, random_content(seed), behaviour=Behaviour(latency=3))
    seen = {buffer: [write for write in run.writes if write[1] == buffer] for buffer in BUFFERS}
    for transfer, done in zip(transfers, run.done, strict=True):
        count = -(-transfer.row_bytes // 8) * transfer.rows
        writes, seen[transfer.buffer] = seen[transfer.buffer][:count], seen[transfer.buffer][count:]
        assert max(write[0] for write in writes) <= done + latency.DONE_TO_START


def test_an_error_is_told_of_the_job_that_had_it_before_it_is_done(seed: int) -> None:
    content = random_content(seed)
    transfers = [Transfer(dram=4096 * place, buffer=place % 3, row_bytes=160, address=40 * place) for place in range(6)]
    errors = {4096 + 8 * random.Random(seed).randrange(20): SLAVE_ERROR, 4 * 4096: SLAVE_ERROR}
    run = run_load(engine_of(POINTS[3]), transfers, content, behaviour=Behaviour(latency=9), errors=errors)
    check(run, transfers, content, 8)
    told = [sum(done < error for done in run.done) for error in run.errors]
    assert told == [1, 4]


def test_a_row_out_of_step_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.accelerator.load_engine.CLIENT", 5)
    content, transfer = random_content(seed), Transfer(dram=0, row_bytes=64)
    run = run_load(engine_of(POINTS[3]), [transfer], content, behaviour=Behaviour(latency=3))
    with pytest.raises(AssertionError):
        check(run, [transfer], content, 8)


def test_a_client_out_of_step_in_the_timing_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.accelerator.transfer_timing.LOAD_CLIENT", 3)
    transfers = [Transfer(dram=0, rows=2, row_bytes=24, stride_bytes=24, step=8)]
    engine = engine_of(POINTS[3])
    run = run_load(engine, transfers, random_content(seed), behaviour=Behaviour(latency=3))
    times = times_of(engine, transfers, jobs=8, latency_cycles=3, gaps=[0])
    assert times[0].accepted == run.accepted[0]
    assert times[0].done != run.done[0]


def test_its_verilog_is_clean() -> None:
    assert lint(to_verilog(engine_of(POINTS[2]))) == ()
    assert lint(to_verilog(engine_of(POINTS[4], parts=3))) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("word_bytes of a DMA must be an integer from 4 to 32, not 3", engine_of, {"side": 3, "data_bits": 64})
    refuses("jobs of an engine must be an integer from 3 to 256, not 2", engine_of, POINTS[0], 2)
    sizes = {"activation_words": 8, "weight_words": 0, "parameter_sets": 1}
    sentence = "weight_words of a load engine must be an integer from 1 to 1048576, not 0"
    refuses(sentence, LoadEngine, **sizes, **POINTS[0])
