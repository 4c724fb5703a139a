# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: components that are refused are not elaborated here)
"""The store engine: every byte in DRAM and nothing beside them, whatever the memory does; cycles as computed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.rtl.accelerator.copy_bench import Copy
from tests.rtl.accelerator.transfer_bench import (
    MORE_POINTS,
    ONE_PART,
    POINTS,
    WORDS,
    dma_sizes,
    random_part_transfer,
    random_transfer,
    rows_of,
    run_store,
)
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.store_engine import StoreEngine
from vitaccel_rtl.accelerator.transfer import ACTIVATION, Times, Transfer
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes, StoreTimes
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.axi_memory import BEHAVIOURS, SLAVE_ERROR, Behaviour
from vitaccel_sim.bench.dma_jobs import CONTENT_BYTES, random_content


def engine_of(point: dict[str, Any], jobs: int = 8, parts: int = 1) -> StoreEngine:
    return StoreEngine(activation_words=WORDS, parts=parts, jobs=jobs, **point)


def expected(
    transfers: Sequence[Transfer], words: Sequence[int], content: bytearray, side: int, parts: Parts = ONE_PART
) -> bytearray:
    """Return what the memory holds, by the meaning of the instructions."""
    content = bytearray(content)
    for transfer in transfers:
        places = iter([place for place, _ in rows_of(transfer, content, side, parts)])
        for row in range(transfer.rows):
            row_words = -(-transfer.row_bytes // side)
            data = b"".join(words[next(places)].to_bytes(side, "little") for _ in range(row_words))
            at = transfer.dram + row * transfer.stride_bytes
            content[at : at + transfer.row_bytes] = data[: transfer.row_bytes]
    return content


def times_of(
    engine: StoreEngine, transfers: Sequence[Transfer], *, jobs: int, latency_cycles: int, gaps: Sequence[int]
) -> list[Times]:
    sizes = dma_sizes(engine.geometry) | {"latency_cycles": latency_cycles}
    timing = StoreTimes(side=engine.geometry.word_bytes, jobs=jobs, dma=sizes)
    times, offered = [], 0
    for transfer, gap in zip(transfers, gaps, strict=True):
        times.append(timing.times_of(transfer, offered))
        offered = times[-1].accepted + 1 + gap
    return times


def drawn(side: int, count: int, rng: random.Random) -> tuple[list[Transfer], list[int]]:
    """Return instructions, and the words of the buffer."""
    transfers = [random_transfer(rng, side, ACTIVATION) for _ in range(count)]
    return transfers, [rng.getrandbits(8 * side) for _ in range(WORDS)]


@pytest.mark.parametrize("latency_cycles", [1, 40])
@pytest.mark.parametrize("point", [*POINTS, *MORE_POINTS], ids=str)
def test_bytes_and_cycles(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    rng = random.Random(seed)
    content, side, jobs = random_content(seed), point["side"], rng.choice((3, 8))
    transfers, words = drawn(side, 6, rng)
    gaps = [rng.choice((0, 0, rng.randrange(200))) for _ in transfers]
    engine = engine_of(point, jobs)
    after = expected(transfers, words, content, side)
    run = run_store(engine, transfers, words, content, behaviour=Behaviour(latency=latency_cycles), gaps=gaps)
    assert content == after
    times = times_of(engine, transfers, jobs=jobs, latency_cycles=latency_cycles, gaps=gaps)
    assert list(zip(run.accepted, run.done, strict=True)) == times


@pytest.mark.parametrize(("point", "count"), [(POINTS[3], 2), (POINTS[3], 3), (POINTS[0], 2), (POINTS[2], 3)])
def test_bytes_of_several_parts_and_the_cycles_of_one(point: dict[str, Any], count: int, seed: int) -> None:
    rng, side = random.Random(seed), point["side"]
    parts, content = Parts(count=count, words=WORDS), random_content(seed)
    transfers = [random_part_transfer(rng, side, ACTIVATION, parts) for _ in range(8)]
    gaps = [rng.choice((0, 0, rng.randrange(200))) for _ in transfers]
    words = [rng.getrandbits(8 * side) for _ in range(parts.words_of_all)]
    engine = engine_of(point, 3, count)
    after = expected(transfers, words, content, side, parts)
    run = run_store(engine, transfers, words, content, behaviour=Behaviour(latency=20), gaps=gaps)
    assert content == after
    times = times_of(engine, transfers, jobs=3, latency_cycles=20, gaps=gaps)
    assert list(zip(run.accepted, run.done, strict=True)) == times


@pytest.mark.parametrize("behaviour", BEHAVIOURS[2:], ids=str)
def test_bytes_whatever_the_memory_does(behaviour: Behaviour, seed: int) -> None:
    content = random_content(seed)
    transfers, words = drawn(5, 4, random.Random(seed))
    after = expected(transfers, words, content, 5)
    run_store(engine_of(POINTS[2]), transfers, words, content, behaviour=behaviour)
    assert content == after


def test_cycles_of_jobs_that_follow_each_other(seed: int) -> None:
    """Rows of few words, which wait for their banks, and bursts that wait for their places."""
    point = {"side": 8, "data_bits": 64, "burst_beats": 4, "outstanding": 1}
    rng = random.Random(seed)
    transfers = [random_transfer(rng, 8, ACTIVATION, most_words=24) for _ in range(8)]
    engine, gaps = engine_of(point, 3), [0] * len(transfers)
    run = run_store(engine, transfers, [0] * WORDS, random_content(seed), behaviour=Behaviour(latency=2))
    times = times_of(engine, transfers, jobs=3, latency_cycles=2, gaps=gaps)
    assert list(zip(run.accepted, run.done, strict=True)) == times


@pytest.mark.parametrize("point", [POINTS[2], POINTS[3]], ids=str)
def test_what_a_load_brought_is_stored_as_soon_as_it_is_done(point: dict[str, Any], seed: int) -> None:
    """Through a slot buffer; the times are those of the two engines, each of which knows nothing of the other."""
    rng, side, content = random.Random(seed), point["side"], random_content(seed)
    loads = [random_transfer(rng, side, ACTIVATION, most_words=30) for _ in range(3)]
    half = (CONTENT_BYTES // 2) // side * side
    near = [replace(load, dram=load.dram % (half // 2) // side * side) for load in loads]
    pairs = [(load, replace(load, dram=load.dram + half)) for load in near]
    copy = Copy(point, content, Behaviour(latency=4))
    before = bytes(content)
    copy.run(pairs)
    for load, store in pairs:
        for row in range(load.rows):
            source, sink = (at.dram + row * load.stride_bytes for at in (load, store))
            assert content[sink : sink + load.row_bytes] == before[source : source + load.row_bytes]
    sizes = dma_sizes(copy.load.geometry) | {"latency_cycles": 4}
    load_times = LoadTimes(side=side, dma=sizes | {"buffer_beats": copy.load.buffer_beats})
    store_times = StoreTimes(side=side, dma=sizes)
    for place, timing in enumerate((load_times, store_times)):
        for pair, times in zip(pairs, copy.times[place], strict=True):
            assert timing.times_of(pair[place], times.accepted) == times


def test_an_error_is_told_with_the_completion_of_its_job(seed: int) -> None:
    transfers = [Transfer(dram=4096 * place, row_bytes=160, address=40 * place) for place in range(5)]
    errors = {4096 + 8 * random.Random(seed).randrange(20): SLAVE_ERROR, 4 * 4096: SLAVE_ERROR}
    behaviour = Behaviour(latency=9)
    run = run_store(
        engine_of(POINTS[3]), transfers, [5] * WORDS, random_content(seed), behaviour=behaviour, errors=errors
    )
    assert run.errors == [run.done[1], run.done[4]]


def test_a_bank_out_of_step_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.accelerator.store_engine.CLIENT", 5)
    content, words = random_content(seed), list(range(WORDS))
    transfers = [Transfer(dram=0, row_bytes=64)]
    after = expected(transfers, words, content, 8)
    run_store(engine_of(POINTS[3]), transfers, words, content, behaviour=Behaviour(latency=3))
    assert content != after


def test_its_verilog_is_clean() -> None:
    assert lint(to_verilog(engine_of(POINTS[2]))) == ()
    assert lint(to_verilog(engine_of(POINTS[4], parts=3))) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("word_bytes of a DMA must be an integer from 4 to 32, not 3", engine_of, {"side": 3, "data_bits": 64})
    refuses("jobs of an engine must be an integer from 3 to 256, not 2", engine_of, POINTS[0], 2)
