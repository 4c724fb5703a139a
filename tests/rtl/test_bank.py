# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl.bank import Bank
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

POINTS = [(1, 1), (2, 8), (5, 13), (16, 64), (64, 256)]
Cycle = tuple[int | None, tuple[int, int] | None]


def random_cycles(rng: random.Random, words: int, width: int, count: int) -> list[Cycle]:
    """Reads and writes of a few words, so that they often meet."""
    places = [rng.randrange(words) for _ in range(3)]
    return [
        (
            rng.choice(places) if rng.random() < 0.8 else None,
            (rng.choice(places), rng.getrandbits(width)) if rng.random() < 0.6 else None,
        )
        for _ in range(count)
    ]


def outputs(block: Bank, cycles: list[Cycle], *, reset_before: int | None = None) -> list[int]:
    """Return what is at the output in each cycle; the bank is reset before one of them."""
    seen = []
    reset = Signal()

    async def bench(ctx: Any) -> None:
        for place, (read, write) in enumerate(cycles):
            if place == reset_before:
                ctx.set(block.read, 0)
                ctx.set(block.write, 0)
                ctx.set(reset, 1)
                await ctx.tick()
                ctx.set(reset, 0)
            ctx.set(block.read, read is not None)
            ctx.set(block.read_address, read or 0)
            ctx.set(block.write, write is not None)
            ctx.set(block.write_address, write[0] if write else 0)
            ctx.set(block.write_data, write[1] if write else 0)
            seen.append(ctx.get(block.data))
            await ctx.tick()

    simulator = Simulator(ResetInserter(reset)(block))
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def expected(cycles: list[Cycle]) -> list[int | None]:
    memory: dict[int, int] = {}
    words: list[int | None] = []
    for read, write in cycles:
        if write:
            memory[write[0]] = write[1]
        words.append(None if read is None else memory.get(read, 0))
    return words


def check(block: Bank, cycles: list[Cycle]) -> None:
    late = block.latency_cycles
    idle: list[Cycle] = [(None, None)] * late
    seen = outputs(block, cycles + idle)[late:]
    for cycle, (got, word) in enumerate(zip(seen, expected(cycles), strict=True)):
        assert word is None or got == word, f"cycle {cycle}"


@pytest.mark.parametrize(("words", "width"), POINTS)
def test_a_read_returns_what_was_last_written(words: int, width: int, seed: int) -> None:
    block = Bank(words=words, width=width)
    assert block.latency_cycles == 4
    check(block, random_cycles(random.Random(seed), words, width, 300))


def test_a_read_in_the_cycle_of_a_write_returns_what_is_written() -> None:
    cycles: list[Cycle] = [(None, (3, 0x11)), (3, (3, 0x22)), (3, (2, 0x33)), (3, None), (2, (3, 0x44)), (3, None)]
    late = 4
    assert outputs(Bank(words=4, width=8), cycles + [(None, None)] * late)[late + 1 :] == [0x22, 0x22, 0x22, 0x33, 0x44]


def test_words_are_0_until_they_are_written() -> None:
    check(Bank(words=8, width=8), [(address, None) for address in range(8)])


def test_a_reset_leaves_the_words() -> None:
    cycles: list[Cycle] = [*((None, (address, address + 9)) for address in range(4)), (None, None), (None, None)]
    cycles += [(address, None) for address in range(4)] + [(None, None)] * 4
    assert outputs(Bank(words=4, width=8), cycles, reset_before=6)[-4:] == [9, 10, 11, 12]


def test_a_bank_that_hands_nothing_on_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("vitaccel_rtl.bank.Mux", lambda *choice: choice[2])
    with pytest.raises(AssertionError, match=r"^cycle "):
        check(Bank(words=4, width=8), random_cycles(random.Random(seed), 4, 8, 300))


def test_a_bank_that_hands_on_too_much_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("vitaccel_rtl.bank.Mux", lambda *choice: choice[1] & choice[2])
    with pytest.raises(AssertionError, match=r"^cycle "):
        check(Bank(words=4, width=8), random_cycles(random.Random(seed), 4, 8, 300))


@pytest.mark.parametrize(("words", "width"), POINTS)
def test_the_verilog_is_clean(words: int, width: int) -> None:
    assert lint(to_verilog(Bank(words=words, width=width), name="bank")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("words of a bank must be an integer from 1 to 65536, not 0", Bank, words=0, width=8)
    refuses("width of a bank must be an integer from 1 to 1024, not 1025", Bank, words=4, width=1025)
