# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a memory that is refused is never elaborated)
"""Parameter sets: one write, and every engine reads its own runs of them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Port, closest_runs, simulate
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import STORED_BITS
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.set_memory import SetMemory
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

SETS = 40


def check(readers: int, rng: random.Random, late: int) -> None:
    """Fill a memory, read runs of it at all ports at once, and require every set *late* cycles after its place."""
    memory = SetMemory(sets=SETS, readers=readers)
    contents = [rng.getrandbits(64) for _ in range(SETS)]
    writes = [Port(getattr(memory, name)) for name in ("write_valid", "write_address", "write_word")]
    filling = [dict(zip(writes, (1, place, word), strict=True)) for place, word in enumerate(contents)]
    running: list[dict[Port, int]] = [{} for _ in range(200 + 2 * latency.READ_RUN)]
    expected: list[dict[int, tuple[int, bool]]] = []
    probes: list[Any] = []
    for run_port in memory.reads:
        ports = [Port(getattr(run_port, name)) for name in ("start", "address", "count")]
        runs = closest_runs(rng, words=SETS, cycles=200, client=0, first=0, starts=SLOTS)
        expected.append({})
        for run in runs:
            running[run.start] |= dict(zip(ports, (1, run.address, run.count), strict=True))
            for place in range(run.count):
                due = len(filling) + run.start + late + place
                expected[-1][due] = (contents[run.address + place] % (1 << STORED_BITS), place == run.count - 1)
        probes += [run_port.valid, run_port.word, run_port.last]
    for cycle, seen in enumerate(simulate(memory, filling + running, probes)):
        for reader in range(readers):
            valid, word, last = seen[3 * reader : 3 * reader + 3]
            got = (word, bool(last)) if valid else None
            assert got == expected[reader].get(cycle), f"reader {reader} at cycle {cycle}"


@pytest.mark.parametrize("readers", [1, 3])
def test_every_reader_has_its_runs(readers: int, seed: int) -> None:
    check(readers, random.Random(seed), SetMemory(sets=SETS, readers=readers).latency_cycles)


def test_a_set_a_cycle_late_is_found(seed: int) -> None:
    with pytest.raises(AssertionError, match=r"^reader "):
        check(1, random.Random(seed), latency.READ_RUN + 1)


def test_a_set_as_it_is_read_is_as_it_is_stored() -> None:
    assert PARAMETER_SET.size == STORED_BITS


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(SetMemory(sets=SETS, readers=2), name="sets")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("sets of a set memory must be an integer from 1 to 1048576, not 0", SetMemory, sets=0, readers=1)
    refuses("readers of a set memory must be an integer from 1 to 8, not 9", SetMemory, sets=8, readers=9)
