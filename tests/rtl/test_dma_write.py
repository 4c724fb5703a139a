# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: engines that are refused or only written are not elaborated here)
"""The write engine: rows of bytes in DRAM and nothing beside them, whatever the memory does; the rules of AXI."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.rtl.dma_bench import SOME, TIMED, most_bytes, run_dma, timing_parameters
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_cycles import occupied
from vitaccel_rtl.dma_timing import WRITE_TURN, Job, WriteEngine, bursts_of_run
from vitaccel_rtl.dma_write import DmaWrite
from vitaccel_rtl.lint import lint
from vitaccel_rtl.realign import mask_of
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.axi_memory import BEHAVIOURS, DECODE_ERROR, SLAVE_ERROR, Behaviour
from vitaccel_sim.bench.axi_rules import RuleError
from vitaccel_sim.bench.dma_jobs import beats_of, content_written, random_content, random_job, word_count

PLAIN = {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 4}


def drawn(geometry: Geometry, count: int, seed: int) -> tuple[list[Job], list[int]]:
    """Return jobs, and the words of all of them."""
    rng = random.Random(seed)
    jobs = [random_job(rng, geometry, most_bytes(geometry)) for _ in range(count)]
    return jobs, words_of(jobs, geometry.word_bytes, seed)


def words_of(jobs: Sequence[Job], word_bytes: int, seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.getrandbits(8 * word_bytes) for job in jobs for _ in range(word_count(job, word_bytes))]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
@pytest.mark.parametrize("point", SOME, ids=str)
def test_the_memory_holds_the_rows_and_nothing_else_changed(
    point: dict[str, Any], behaviour: Behaviour, seed: int
) -> None:
    geometry = Geometry(**point)
    jobs, words = drawn(geometry, 5, seed)
    content = random_content(seed)
    expected = content_written(jobs, words, content, geometry.word_bytes)
    idle, stall = random.Random(seed).choice((("always", "always"), ("bursts", "random"), ("random", "adversarial")))
    dut = DmaWrite(**point)
    run = run_dma(dut, jobs, content, words=words, behaviour=behaviour, idle=idle, stall=stall, seed=seed)
    assert content == expected
    assert run.status.taken == [0] * len(jobs)


@pytest.mark.parametrize("latency_cycles", [1, 7, 50])
@pytest.mark.parametrize("point", TIMED, ids=str)
def test_cycles_are_those_declared(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    geometry = Geometry(**point)
    jobs, words = drawn(geometry, 4, seed)
    behaviour = Behaviour(latency=latency_cycles)
    run = run_dma(DmaWrite(**point), jobs, random_content(seed), words=words, behaviour=behaviour)
    engine = WriteEngine(**timing_parameters(geometry), latency_cycles=latency_cycles)
    declared = [engine.job(job, at) for job, at in zip(jobs, run.jobs.accepted, strict=True)]
    assert run.status.offered == declared
    assert run.memory.beats_at == engine.beats_at


@pytest.mark.parametrize("latency_cycles", [1, 45, 46, 200])
@pytest.mark.parametrize("row_bytes", [8, 8 * 63, 4096 + 8 * 17])
def test_the_bus_is_occupied_as_the_closed_form_says(latency_cycles: int, row_bytes: int, seed: int) -> None:
    job = Job(address=1 << 13, row_bytes=row_bytes)
    words, behaviour = words_of([job], 8, seed), Behaviour(latency=latency_cycles)
    run = run_dma(DmaWrite(**PLAIN), [job], random_content(seed), words=words, behaviour=behaviour)
    *_, last = bursts = list(bursts_of_run(job.address, row_bytes, beat_bytes=8, burst_beats=16))
    wait_cycles = latency_cycles + WRITE_TURN
    closed = occupied(len(bursts), 16, last, outstanding=4, wait_cycles=wait_cycles)
    assert run.memory.beats_at[-1] - run.memory.beats_at[0] + 1 == closed
    if wait_cycles <= 3 * 16:
        assert closed == -(-row_bytes // 8)


def test_one_word_a_cycle_in_and_one_beat_a_cycle_out(seed: int) -> None:
    """Rows of a beat each, and bursts of one: nothing but the bus is the limit."""
    point = {"data_bits": 32, "word_bytes": 4, "burst_beats": 1, "outstanding": 16}
    jobs = [Job(address=64, rows=40, row_bytes=4, stride_bytes=12), Job(address=0, row_bytes=160)]
    words, behaviour = words_of(jobs, 4, seed), Behaviour(latency=4)
    run = run_dma(DmaWrite(**point), jobs, random_content(seed), words=words, behaviour=behaviour)
    first = run.memory.beats_at[0]
    assert run.memory.beats_at == list(range(first, first + 80))


def test_an_error_is_told_of_the_job_that_had_it_and_of_no_other(seed: int) -> None:
    jobs = [Job(address=4096 * place, rows=2, row_bytes=200, stride_bytes=256) for place in range(5)]
    errors = {random.Random(seed).choice(beats_of(jobs[1], 8)): SLAVE_ERROR, beats_of(jobs[4], 8)[-1]: DECODE_ERROR}
    errors[beats_of(jobs[2], 8)[0]] = 1  # EXOKAY is no error
    words = words_of(jobs, 8, seed)
    run = run_dma(DmaWrite(**PLAIN), jobs, random_content(seed), words=words, errors=errors, stall="random", seed=seed)
    assert run.status.taken == [0, 1, 0, 0, 1]


@pytest.mark.parametrize("reset_at", [3, 12, 30, 61])
def test_a_reset_forgets_everything(reset_at: int, seed: int) -> None:
    geometry, content = Geometry(**PLAIN, align_bytes=1), random_content(seed)
    jobs, words = drawn(geometry, 4, seed)
    dut = DmaWrite(**PLAIN, align_bytes=1)
    run = run_dma(dut, jobs, content, words=words, reset_at=reset_at, stall="random", seed=seed)
    assert content == content_written(jobs, words, random_content(seed), 8)
    assert run.status.taken == [0] * 4


def test_as_many_bursts_are_in_flight_as_may_be(seed: int) -> None:
    job = Job(address=0, row_bytes=4096)
    words, behaviour = words_of([job], 8, seed), Behaviour(latency=90)
    run = run_dma(DmaWrite(**PLAIN), [job], random_content(seed), words=words, behaviour=behaviour)
    assert run.memory.most_in_flight == 4


def test_one_burst_too_many_in_flight_is_found(seed: int) -> None:
    class Claims(DmaWrite):
        """Says that it may have 4 in flight, and was built for 5."""

        geometry = Geometry(**PLAIN)  # type: ignore[assignment]

    job = Job(address=0, row_bytes=4096)
    words, behaviour = words_of([job], 8, seed), Behaviour(latency=90)
    with pytest.raises(RuleError, match=r"^AW: at most 4 bursts may be in flight, not 5$"):
        run_dma(Claims(**{**PLAIN, "outstanding": 5}), [job], random_content(seed), words=words, behaviour=behaviour)


def test_a_strobe_too_many_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.words_to_beats.mask_of", lambda count, width: mask_of(count + 1, width))
    content, job = random_content(seed), Job(address=8, row_bytes=13)
    words = words_of([job], 8, seed)
    expected = content_written([job], words, content, 8)
    run_dma(DmaWrite(**PLAIN), [job], content, words=words)
    assert content != expected


@pytest.mark.parametrize("point", SOME, ids=str)
def test_its_verilog_is_clean(point: dict[str, Any]) -> None:
    verilog = to_verilog(DmaWrite(**point))
    assert {"m_axi_awaddr", "m_axi_wstrb", "m_axi_wlast", "m_axi_bready"} <= {port.name for port in verilog.ports}
    assert lint(verilog) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("jobs of a write DMA must be an integer from 3 to 256, not 2", DmaWrite, **PLAIN, jobs=2)
    sentence = "outstanding of a DMA must be an integer from 1 to 256, not 0"
    refuses(sentence, DmaWrite, **{**PLAIN, "outstanding": 0})
