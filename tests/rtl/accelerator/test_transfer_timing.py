"""Cycles of transfers: rates as the buses, words and banks allow."""

from __future__ import annotations

import pytest

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.accelerator import buffer_turns, line_reader, load_engine, store_engine
from vitaccel_rtl.accelerator.transfer import ACTIVATION, PARAMETER, WEIGHT, Transfer
from vitaccel_rtl.accelerator.transfer_timing import LOAD_CLIENT, ROW_RUNS, STORE_CLIENT, LoadTimes, StoreTimes
from vitaccel_rtl.dma_cycles import read_latency

MEMORY_CYCLES = 30


def dma(side: int, beat_bytes: int, **changed: int) -> dict[str, int]:
    sizes = {"beat_bytes": beat_bytes, "align_bytes": side, "burst_beats": 16, "outstanding": 8}
    return sizes | {"latency_cycles": MEMORY_CYCLES} | changed


def load_times(side: int, beat_bytes: int, **changed: int) -> LoadTimes:
    return LoadTimes(side=side, dma=dma(side, beat_bytes, buffer_beats=128, **changed))


def store_times(side: int, beat_bytes: int, **changed: int) -> StoreTimes:
    return StoreTimes(side=side, dma=dma(side, beat_bytes, **changed))


def test_places_are_those_of_the_engines() -> None:
    assert buffer_turns.LINE_PLACES == line_reader.PLACES
    assert (load_engine.CLIENT, store_engine.CLIENT) == (LOAD_CLIENT, STORE_CLIENT)


@pytest.mark.parametrize(("side", "beat_bytes"), [(4, 4), (5, 8), (8, 16), (16, 16), (32, 8)])
def test_a_load_alone_takes_its_words_or_beats_and_the_latencies_of_its_parts(side: int, beat_bytes: int) -> None:
    """The DMA's `read_latency` ends where the status is told, a cycle after the last word."""
    sizes = {"beat_bytes": beat_bytes, "word_bytes": side, "align_bytes": side}
    words = 96
    told = latency.STREAM_FIFO + read_latency(MEMORY_CYCLES, **sizes) + words * max(1, side // beat_bytes)
    done = {}
    for buffer in (ACTIVATION, WEIGHT, PARAMETER):
        transfer = Transfer(dram=0, buffer=buffer, row_bytes=words * side, stride_bytes=words * side)
        done[buffer] = load_times(side, beat_bytes).times_of(transfer, 0).done
    assert done[WEIGHT] == told
    assert done[ACTIVATION] == told + latency.SKID_BUFFER + latency.LINE_WRITER
    packed = dma_latency.words_to_beats(beat_bytes=8, word_bytes=side, align_bytes=side)
    if side in (4, 5, 8):
        assert done[PARAMETER] == told + packed


@pytest.mark.parametrize("address", [0, 3])
@pytest.mark.parametrize("side", [8, 16])
def test_a_store_alone_takes_its_words_the_wait_for_its_bank_and_the_latencies_of_its_parts(
    side: int, address: int
) -> None:
    words = 96
    times = store_times(side, side).times_of(Transfer(dram=0, row_bytes=words * side, address=address), 0)
    run = latency.STREAM_FIFO + ROW_RUNS
    wait = (address - STORE_CLIENT - 1 - run) % 8
    packed = dma_latency.words_to_beats(beat_bytes=side, word_bytes=side, align_bytes=side)
    answered = latency.SKID_BUFFER + MEMORY_CYCLES + latency.SKID_BUFFER
    assert times.done == run + latency.LINE_READER + wait + packed + words - 1 + answered


@pytest.mark.parametrize(("row_words", "cycles"), [(8, 8), (16, 16), (12, 16), (3, 8), (9, 16)])
def test_rows_that_begin_in_one_bank_take_whole_frames(row_words: int, cycles: int) -> None:
    """The steady rate of the activation buffer, whose every bank has a turn a frame, in either direction."""
    rows = 40
    for kind in (load_times, store_times):
        done = []
        for count in (rows, 2 * rows):
            step = -(-row_words // 8) * 8
            size = {"row_bytes": 8 * row_words, "stride_bytes": 8 * row_words}
            transfer = Transfer(dram=0, rows=count, step=step, **size)
            done.append(kind(8, 8).times_of(transfer, 0).done)
        assert done[1] - done[0] == rows * cycles
