# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a memory that is refused is never elaborated)
"""Runs from a memory of their own: the cycles of a run from a slot buffer."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Port, Written, closest_runs, simulate
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import word_memory
from vitaccel_rtl.accelerator.word_memory import WordMemory
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog


def check_random(side: int, words: int, rng: random.Random, *, idle: float, starts: int) -> None:
    """Write in most cycles, read runs meanwhile, and require every word in its cycle and nothing else."""
    memory = WordMemory(bits=8 * side, words=words)
    late, cycles = memory.latency_cycles, 400
    assert late == latency.READ_RUN
    written = Written()
    drives: list[dict[Port, int]] = []
    valid, place, data = (Port(getattr(memory, name)) for name in ("write_valid", "write_address", "write_word"))
    start, first, count = (Port(getattr(memory, name)) for name in ("start", "address", "count"))
    for cycle in range(cycles + 2 * late):
        drives.append({})
        if rng.random() < 0.8:
            address, word = rng.randrange(words), rng.getrandbits(8 * side)
            drives[-1] |= {valid: 1, place: address, data: word}
            written.write(cycle, address, word)
    expected: dict[int, tuple[int | None, bool]] = {}
    before = -SLOTS
    for run in closest_runs(rng, words=words, cycles=cycles, client=0, first=0, starts=starts, idle=idle):
        if run.start < before + SLOTS:
            continue
        before = run.start
        drives[run.start] |= {start: 1, first: run.address, count: run.count}
        for word in range(run.count):
            read = written.read(run.start + late - 3 + word, run.address + word)
            expected[run.start + late + word] = (read, word == run.count - 1)
    for cycle, (is_valid, word, last) in enumerate(simulate(memory, drives, [memory.valid, memory.word, memory.last])):
        due = expected.get(cycle)
        assert is_valid == (due is not None), f"cycle {cycle}"
        assert due is None or due[0] is None or due[0] == word, f"cycle {cycle}"
        assert last == (due is not None and due[1]), f"cycle {cycle}"


@pytest.mark.parametrize("starts", [1, SLOTS])
@pytest.mark.parametrize(("side", "words"), [(4, 64), (5, 37)])
def test_runs_at_the_closest_starts(side: int, words: int, starts: int, seed: int) -> None:
    check_random(side, words, random.Random(seed), idle=0.3, starts=starts)


def test_a_word_too_late_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(word_memory, "MEMORY", 1)
    with pytest.raises(AssertionError, match=r"^cycle "):
        check_random(4, 64, random.Random(seed), idle=0.3, starts=SLOTS)


def test_a_run_of_none_is_none() -> None:
    memory = WordMemory(bits=32, words=64)
    drives: list[dict[Port, int]] = [{Port(memory.start): 1}] + [{} for _ in range(2 * latency.READ_RUN)]
    assert not any(valid for (valid,) in simulate(memory, drives, [memory.valid]))


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(WordMemory(bits=32, words=64), name="words")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("bits of a word memory must be an integer from 1 to 512, not 0", WordMemory, bits=0, words=64)
    refuses("words of a word memory must be an integer from 1 to 1048576, not 0", WordMemory, bits=32, words=0)
