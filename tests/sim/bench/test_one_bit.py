"""One bit that is not as expected fails every block's bench: a test of the tests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from amaranth.hdl import Mux, Signal, Value

from vitaccel_rtl import arbiter
from vitaccel_rtl.router import Router
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.point_runs import parameters_of, run_point

IN_THEIR_OWN_TESTS = {"expert-queues", "expert-router", "gather", "scatter-add", "dma-read", "dma-write"}
"""Blocks whose benches are told every expected word; those here draw them, so it is the gateware's bit that differs."""


def test_every_block_with_a_bench_of_its_own_is_here_or_there() -> None:
    assert {"arbiter", "router", "registers", "buffer"} | IN_THEIR_OWN_TESTS == set(BENCHES)


def failure(name: str, testcase: str, seed: int, simulator: str, parameters: Any = None) -> str:
    """Return what a test of a block's bench says, which must fail."""
    result = run_point(name, 0, seed=seed, testcase=testcase, simulator=simulator, parameters=parameters)
    return result.failed[testcase]


def test_of_an_arbiters_words(monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int) -> None:
    right = arbiter.select
    monkeypatch.setattr(arbiter, "select", lambda *choice: right(*choice) ^ 1)
    assert failure("arbiter", "words_and_waits_under_every_pair_of_profiles", seed, quick_simulator)


def test_of_a_routers_words(monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int) -> None:
    right = Router.elaborate

    def wrong(self: Router, platform: object) -> Any:
        m = right(self, platform)
        turned = Signal.like(Value.cast(self.i.payload))
        with m.If(self.i.ready):
            m.d.sync += turned.eq(Value.cast(self.i.payload) ^ 1 << 4)
        m.d.comb += Value.cast(self.o[0].payload).eq(turned)
        return m

    monkeypatch.setattr(Router, "elaborate", wrong)
    assert failure("router", "words_under_every_pair_of_profiles", seed, quick_simulator)


def test_of_a_registers_first_value(quick_simulator: str, seed: int) -> None:
    told = parameters_of("registers", 0, seed)
    registers = json.loads(told["map"])
    next(register for register in registers["registers"] if register["access"] == "read-write")["reset"] ^= 1
    told["map"] = json.dumps(registers)
    assert "must be 0x" in failure("registers", "every_register_and_every_byte", seed, quick_simulator, told)


def test_of_a_buffers_words(monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int) -> None:
    monkeypatch.setattr("vitaccel_rtl.bank.Mux", lambda *choice: Mux(*choice) ^ 1)
    assert "responses differ" in failure("buffer", "readers_of_every_stride", seed, quick_simulator)
