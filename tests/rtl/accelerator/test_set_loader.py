# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: components that are refused are not elaborated here)
"""Sets and tables of words: every byte, whatever P is; one set or entry a cycle; the tables before the sets after."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator.set_loader import SetLoader
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

SETS = 64
Job = tuple[bytes, int, bool]


def random_jobs(seed: int, count: int = 5) -> list[Job]:
    """Return bytes, address, and whether they are a table."""
    rng = random.Random(seed)
    jobs = []
    for _ in range(count):
        is_table = rng.random() < 0.4
        sets = rng.choice((32, 64)) if is_table else rng.choice((1, 2, rng.randint(1, 30)))
        jobs.append((rng.randbytes(8 * sets), rng.randrange(2 if is_table else SETS - sets), is_table))
    return jobs


def run_jobs(dut: SetLoader, side: int, jobs: list[Job], idle: float, seed: int) -> dict[str, Any]:
    """Return what was written, in order, with its cycle; and the cycles in which jobs finished."""
    rng = random.Random(seed)
    words = [data[at : at + side].ljust(side, b"\0") for data, _, _ in jobs for at in range(0, len(data), side)]
    seen: dict[str, Any] = {"parameter": [], "table": [], "finishes": [], "taken": []}

    async def bench(ctx: Any) -> None:
        given, offers, cycle = 0, False, 0
        while len(seen["finishes"]) < len(jobs) or cycle < seen["finishes"][-1] + 10:
            assert cycle < 5000
            ctx.set(dut.job.valid, given < len(jobs))
            if given < len(jobs):
                data, address, is_table = jobs[given]
                ctx.set(dut.job.payload, {"bytes": len(data), "address": address, "is_table": is_table})
            sent = len(seen["taken"])
            offers = offers or (sent < len(words) and rng.random() >= idle)
            ctx.set(dut.i.valid, offers)
            if offers:
                ctx.set(dut.i.payload.as_value(), int.from_bytes(words[sent], "little"))
            ports = (dut.parameter.write_valid, dut.parameter.write_address, dut.parameter.write_word)
            ports += (dut.table.write_enable, dut.table.write_address, dut.table.write_data)
            sampled = ctx.tick().sample(dut.job.ready, dut.i.ready, dut.finishes, *ports)
            _, _, job_ready, ready, finishes, *written = await sampled
            given += given < len(jobs) and job_ready
            if offers and ready:
                seen["taken"].append(cycle)
                offers = False
            seen["finishes"] += [cycle] * finishes
            for name, (valid, *write) in (("parameter", written[:3]), ("table", written[3:])):
                if valid:
                    seen[name].append((cycle, *write))
            cycle += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def loader(side: int) -> SetLoader:
    return SetLoader(side=side, sets=SETS, slots=2, jobs=5)


def entries(data: bytes, slot: int) -> list[tuple[int, int]]:
    size = len(data) // 256
    values = (int.from_bytes(data[at : at + size], "little", signed=True) & 0xFFFF for at in range(0, len(data), size))
    return [(256 * slot + place, value) for place, value in enumerate(values)]


@pytest.mark.parametrize("idle", [0.0, 0.7])
@pytest.mark.parametrize("side", [4, 5, 12, 32, *(pytest.param(side, marks=pytest.mark.full) for side in (7, 8, 31))])
def test_every_byte_is_written_at_its_place(side: int, idle: float, seed: int) -> None:
    jobs = random_jobs(seed)
    seen = run_jobs(loader(side), side, jobs, idle, seed)
    sets, tables, at = [], [], dict.fromkeys(("parameter", "table"), 0)
    for (data, address, is_table), finishes in zip(jobs, seen["finishes"], strict=True):
        if is_table:
            tables += entries(data, address)
            at["table"] += 256
            assert seen["table"][at["table"] - 1][0] == finishes
        else:
            parts = (data[place : place + 8] for place in range(0, len(data), 8))
            sets += [(address + place, int.from_bytes(part, "little")) for place, part in enumerate(parts)]
            at["parameter"] += len(data) // 8
            assert seen["parameter"][at["parameter"] - 1][0] == finishes + 1
    assert [write[1:] for write in seen["parameter"]] == sets
    assert [write[1:] for write in seen["table"]] == tables


@pytest.mark.parametrize("side", [8, 12, 16, 32])
def test_a_set_leaves_in_every_cycle_if_words_are_wide(side: int, seed: int) -> None:
    data = random.Random(seed).randbytes(8 * 30)
    seen = run_jobs(loader(side), side, [(data, 3, False)], 0.0, seed)
    first = seen["parameter"][0][0]
    assert [write[0] for write in seen["parameter"]] == list(range(first, first + 30))


@pytest.mark.parametrize("side", [4, 5, 7])
def test_a_word_is_taken_in_every_cycle_if_words_are_narrow(side: int, seed: int) -> None:
    data = random.Random(seed).randbytes(8 * 30)
    seen = run_jobs(loader(side), side, [(data, 3, False)], 0.0, seed)
    first = seen["taken"][0]
    assert seen["taken"] == list(range(first, first + len(seen["taken"])))


@pytest.mark.parametrize("table_bytes", [256, 512])
@pytest.mark.parametrize("side", [4, 5, 32])
def test_an_entry_is_written_in_every_cycle(side: int, table_bytes: int, seed: int) -> None:
    data = random.Random(seed).randbytes(table_bytes)
    seen = run_jobs(loader(side), side, [(data, 1, True)], 0.0, seed)
    written = [write[0] for write in seen["table"]]
    assert written == list(range(written[0], written[0] + 256))


def test_sets_wait_for_the_table_before_them(seed: int) -> None:
    rng = random.Random(seed)
    jobs = [(rng.randbytes(256), 0, True), (rng.randbytes(8), 5, False)]
    seen = run_jobs(loader(32), 32, jobs, 0.0, seed)
    assert seen["finishes"][0] + 2 == seen["finishes"][1]


def test_its_verilog_is_clean() -> None:
    assert lint(to_verilog(loader(5))) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("word_bytes of a DMA must be an integer from 4 to 32, not 3", loader, 3)
