# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: engines that are refused or only written are not elaborated here)
"""The read engine: bytes of DRAM as words, whatever the memory does; the rules of AXI; cycles as declared."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.rtl.dma_bench import SOME, TIMED, most_bytes, run_dma, timing_parameters
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_cycles import occupied
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_timing import BUFFER_TURN, READ_TURN, Job, ReadEngine, bursts_of_run
from vitaccel_rtl.lint import lint
from vitaccel_rtl.realign import mask_of
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.axi_memory import BEHAVIOURS, DECODE_ERROR, SLAVE_ERROR, Behaviour
from vitaccel_sim.bench.axi_rules import RuleError
from vitaccel_sim.bench.dma_exchange import DmaExchange
from vitaccel_sim.bench.dma_jobs import beats_of, random_content, random_job, words_read

PLAIN = {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 4}


def drawn(geometry: Geometry, count: int, seed: int) -> list[Job]:
    rng = random.Random(seed)
    return [random_job(rng, geometry, most_bytes(geometry)) for _ in range(count)]


def check_words(run: DmaExchange, jobs: Sequence[Job], content: bytearray, word_bytes: int) -> None:
    assert run.data.taken == [word for job in jobs for word in words_read(job, content, word_bytes)]  # type: ignore[union-attr]


@pytest.mark.parametrize("behaviour", BEHAVIOURS[:4], ids=str)
@pytest.mark.parametrize("point", SOME, ids=str)
def test_words_whatever_the_memory_does(point: dict[str, Any], behaviour: Behaviour, seed: int) -> None:
    geometry, content = Geometry(**point), random_content(seed)
    jobs = drawn(geometry, 5, seed)
    for idle, stall in (("always", "always"), ("bursts", "random")):
        run = run_dma(DmaRead(**point), jobs, content, behaviour=behaviour, idle=idle, stall=stall, seed=seed)
        check_words(run, jobs, content, geometry.word_bytes)
        assert run.status.taken == [0] * len(jobs)


@pytest.mark.parametrize("stall", ["every-other", "rare", "adversarial"])
def test_words_whatever_the_sink_does(stall: str, seed: int) -> None:
    content, jobs = random_content(seed), drawn(Geometry(**PLAIN), 5, seed)
    run = run_dma(DmaRead(**PLAIN, buffer_beats=16), jobs, content, stall=stall, idle="adversarial", seed=seed)
    check_words(run, jobs, content, 8)


@pytest.mark.parametrize("latency_cycles", [1, 7, 50])
@pytest.mark.parametrize("point", TIMED, ids=str)
def test_cycles_are_those_declared(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    geometry = Geometry(**point)
    jobs = drawn(geometry, 4, seed)
    dut = DmaRead(**point)
    run = run_dma(dut, jobs, random_content(seed), behaviour=Behaviour(latency=latency_cycles))
    parameters = timing_parameters(geometry) | {"buffer_beats": dut.buffer_beats}
    engine = ReadEngine(**parameters, latency_cycles=latency_cycles)
    declared = [engine.job(job, at) for job, at in zip(jobs, run.jobs.accepted, strict=True)]
    assert run.status.offered == declared
    assert run.memory.beats_at == engine.beats_at


@pytest.mark.parametrize("latency_cycles", [1, 47, 48, 200])
@pytest.mark.parametrize("row_bytes", [8, 8 * 63, 4096 + 8 * 17])
def test_the_bus_is_occupied_as_the_closed_form_says(latency_cycles: int, row_bytes: int, seed: int) -> None:
    job = Job(address=1 << 13, row_bytes=row_bytes)
    run = run_dma(DmaRead(**PLAIN), [job], random_content(seed), behaviour=Behaviour(latency=latency_cycles))
    *_, last = bursts = list(bursts_of_run(job.address, row_bytes, beat_bytes=8, burst_beats=16))
    wait_cycles = latency_cycles + READ_TURN + BUFFER_TURN
    closed = occupied(len(bursts), 16, last, outstanding=4, wait_cycles=wait_cycles)
    assert run.memory.beats_at[-1] - run.memory.beats_at[0] + 1 == closed
    if wait_cycles <= 3 * 16:
        assert closed == -(-row_bytes // 8)


def test_one_beat_a_cycle_in_and_one_word_a_cycle_out(seed: int) -> None:
    """Rows of a beat each, and bursts of one: nothing but the bus is the limit."""
    point = {"data_bits": 32, "word_bytes": 4, "burst_beats": 1, "outstanding": 16}
    jobs = [Job(address=64, rows=40, row_bytes=4, stride_bytes=12), Job(address=0, row_bytes=160)]
    run = run_dma(DmaRead(**point), jobs, random_content(seed), behaviour=Behaviour(latency=4))
    first = run.memory.beats_at[0]
    assert run.memory.beats_at == list(range(first, first + 80))
    words = run.data.offered
    assert words == list(range(words[0], words[0] + 80))


def test_an_error_is_told_of_the_job_that_had_it_and_of_no_other(seed: int) -> None:
    content = random_content(seed)
    jobs = [Job(address=4096 * place, rows=2, row_bytes=200, stride_bytes=256) for place in range(6)]
    rng = random.Random(seed)
    errors = {rng.choice(beats_of(jobs[1], 8)): SLAVE_ERROR, beats_of(jobs[4], 8)[-1]: DECODE_ERROR}
    errors[beats_of(jobs[5], 8)[0]] = 1  # EXOKAY is no error
    run = run_dma(DmaRead(**PLAIN), jobs, content, errors=errors, stall="random", seed=seed)
    assert run.status.taken == [0, 1, 0, 0, 1, 0]
    check_words(run, jobs, content, 8)


@pytest.mark.parametrize("reset_at", [3, 12, 30, 61])
def test_a_reset_forgets_everything(reset_at: int, seed: int) -> None:
    content, jobs = random_content(seed), drawn(Geometry(**PLAIN), 4, seed)
    run = run_dma(DmaRead(**PLAIN), jobs, content, reset_at=reset_at, stall="random", seed=seed)
    check_words(run, jobs, content, 8)
    assert run.status.taken == [0] * 4


def test_as_many_bursts_are_in_flight_as_may_be(seed: int) -> None:
    job = Job(address=0, row_bytes=4096)
    run = run_dma(DmaRead(**PLAIN), [job], random_content(seed), behaviour=Behaviour(latency=90))
    assert run.memory.most_in_flight == 4


def test_one_burst_too_many_in_flight_is_found(seed: int) -> None:
    class Claims(DmaRead):
        """Says that it may have 4 in flight, and was built for 5."""

        geometry = Geometry(**PLAIN)  # type: ignore[assignment]

    engine = Claims(**{**PLAIN, "outstanding": 5})
    with pytest.raises(RuleError, match=r"^AR: at most 4 bursts may be in flight, not 5$"):
        run_dma(engine, [Job(address=0, row_bytes=4096)], random_content(seed), behaviour=Behaviour(latency=90))


def test_a_byte_lost_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "vitaccel_rtl.beats_to_words.mask_of", lambda count, width: mask_of(count, width) & (1 << width) - 5
    )
    content, job = random_content(seed), Job(address=0, row_bytes=64)
    run = run_dma(DmaRead(**PLAIN), [job], content)
    with pytest.raises(AssertionError):
        check_words(run, [job], content, 8)


@pytest.mark.parametrize("point", SOME, ids=str)
def test_its_verilog_is_clean(point: dict[str, Any]) -> None:
    verilog = to_verilog(DmaRead(**point))
    assert {"m_axi_araddr", "m_axi_arlen", "m_axi_rdata", "m_axi_rready"} <= {port.name for port in verilog.ports}
    assert lint(verilog) == ()


def test_parameters_out_of_range_are_refused() -> None:
    sentence = "data_bits of a bus must be 32, 64, 128, 256 or 512, not 48"
    refuses(sentence, DmaRead, data_bits=48, word_bytes=8)
    refuses("word_bytes of a DMA must be an integer from 4 to 32, not 33", DmaRead, data_bits=64, word_bytes=33)
    sentence = "buffer_beats of a read DMA must be an integer from 16 to 65536, not 15"
    refuses(sentence, DmaRead, **PLAIN, buffer_beats=15)
    refuses("jobs of a read DMA must be an integer from 3 to 256, not 2", DmaRead, **PLAIN, jobs=2)
    sentence = "burst_beats of a DMA must be an integer from 1 to 256, not 257"
    refuses(sentence, DmaRead, **{**PLAIN, "burst_beats": 257})
