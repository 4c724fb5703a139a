# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""The bench of stream blocks finds a latency that is not kept, a gap at full speed, and what survives a reset."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_sim.bench.equality import declared
from vitaccel_sim.bench.group import Group
from vitaccel_sim.bench.part import part
from vitaccel_sim.cocotb_runner import BenchResult, run_bench
from vitaccel_sim.traffic.case import Case


class Sums(wiring.Component):
    """Running sums of the words since the last reset; faults on request."""

    latency_cycles = 1
    interval_cycles = 1

    def __init__(self, *, fault: str = "") -> None:
        self._fault = fault
        super().__init__({"i": In(stream.Signature(16)), "o": Out(stream.Signature(16))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        total = Signal(16, reset_less=self._fault == "survives")
        full, rests = Signal(), Signal()
        advance = ~full | self.o.ready
        m.d.comb += [self.o.valid.eq(full), self.o.payload.eq(total), self.i.ready.eq(advance)]
        if self._fault == "forgets":
            waits = Signal(6)
            m.d.sync += waits.eq(Mux(full & ~self.o.ready, waits + (waits != 63), 0))
            m.d.comb += self.o.payload.eq(Mux(waits == 25, ~total, total))
        if self._fault == "gap":
            m.d.comb += self.i.ready.eq(advance & ~rests)
        with m.If(advance):
            m.d.sync += [full.eq(self.i.valid & self.i.ready), rests.eq(self.i.valid & ~rests)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += total.eq(Mux(self.i.payload == 0, 0, total + self.i.payload))
        return m


def sums(words: list[int]) -> list[int]:
    totals, total = [], 0
    for word in words:
        total = (total + word) % 2**16 if word else 0
        totals.append(total)
    return totals


def run(seed: int, component: Sums, testcase: str | None = None) -> BenchResult:
    words = [0, *((seed * n + 77) % 2**16 or 1 for n in range(30)), 0]
    case = Case(words=words, expected=sums(words))
    forgetful = Case(words=words[1:], expected=sums(words[1:]))
    good = Sums()
    parts = {
        "p0": part(good, name="p0", short=case, extremes=case, long=case),
        "p1": part(component, name="p1", short=forgetful if testcase else case, extremes=case, long=case),
    }
    group = Group({"p0": good, "p1": component})
    return run_bench(
        group, "vitaccel_sim.bench.equality", seed=seed, parameters={"parts": list(parts.values())}, testcase=testcase
    )


def test_good_parts_side_by_side_hit_every_bin(seed: int) -> None:
    result = run(seed, Sums())
    result.check()
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


def test_a_latency_that_is_not_kept(seed: int) -> None:
    component = Sums()
    component.latency_cycles = 2
    (message,) = run(seed, component, "declared_latency").failed.values()
    assert "p1: latency must be 2 cycles, not 1" in message


def test_a_gap_at_full_speed(seed: int) -> None:
    (message,) = run(seed, Sums(fault="gap"), "declared_latency").failed.values()
    assert "p1: a word must be accepted every cycle, not after 2" in message


def test_what_survives_a_reset(seed: int) -> None:
    (message,) = run(seed, Sums(fault="survives"), "nothing_is_left_after_a_reset").failed.values()
    assert message.startswith("short, idle always, stall always: p1, cycle ")


def test_what_is_forgotten_while_nothing_moves(seed: int) -> None:
    (message,) = run(seed, Sums(fault="forgets"), "nothing_is_taken_until_all_is_full").failed.values()
    assert message.startswith("extremes, idle always, stall always: p1, cycle ")
    assert message.endswith("the payload changed before the word was accepted")


@pytest.mark.parametrize("simulator", ["xcelium"])
def test_an_unknown_simulator_is_refused(simulator: str) -> None:
    with pytest.raises(ValueError, match=r"^a simulator must be one of verilator, icarus, not xcelium$"):
        run_bench(Sums(), "vitaccel_sim.bench.equality", simulator=simulator)
