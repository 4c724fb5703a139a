"""cocotb benches on Verilator: a good block passes with full coverage; every kind of bad block is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import SkidBuffer
from vitaccel_sim.bench.equality import declared
from vitaccel_sim.bench.part import part
from vitaccel_sim.cocotb_runner import BenchResult, run_bench
from vitaccel_sim.traffic.case import Case

BENCH = "vitaccel_sim.bench.equality"
PROFILES = "equal_words_under_every_pair_of_profiles"


class Register(wiring.Component):
    """One register, and a fault on request."""

    latency_cycles = 1
    interval_cycles = 1

    def __init__(self, *, fault: str) -> None:
        self.fault = fault
        super().__init__({"i": In(stream.Signature(16)), "o": Out(stream.Signature(16))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept, full, waits = Signal(16, reset_less=True), Signal(), Signal(8)
        advance = ~full | self.o.ready
        m.d.sync += waits.eq(waits + 1)
        m.d.comb += [self.i.ready.eq(advance), self.o.valid.eq(full), self.o.payload.eq(kept)]
        with m.If(advance):
            m.d.sync += [kept.eq(self.i.payload), full.eq(self.i.valid)]
        if self.fault == "changes":
            m.d.comb += self.o.payload.eq(kept ^ (full & ~self.o.ready))
        if self.fault == "falls":
            m.d.comb += self.o.valid.eq(full & ~waits.all())
        if self.fault == "wrong":
            m.d.comb += self.o.payload.eq(kept ^ (kept == 77))
        return m


def words(seed: int) -> list[int]:
    return [*np.random.default_rng(seed).integers(0, 2**16, 60).tolist(), 77, 0, 2**16 - 1]


def bench(component: wiring.Component, seed: int, **options: object) -> BenchResult:
    same = Case(words=words(seed), expected=words(seed))
    told = part(component, short=same, extremes=same, long=same)
    return run_bench(component, BENCH, seed=seed, parameters={"parts": [told]}, **options)  # type: ignore[arg-type]


def test_a_good_block_passes_and_hits_every_bin(seed: int) -> None:
    result = bench(SkidBuffer(16), seed)
    result.check()
    assert len(result.passed) == 6
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("changes", "the payload changed before the word was accepted"),
        ("falls", "valid fell before the word was accepted"),
        ("wrong", "word 60 of 63 must be 0x4d, not 0x4c"),
    ],
)
def test_a_bad_block_is_told(fault: str, message: str, seed: int) -> None:
    result = bench(Register(fault=fault), seed, testcase=PROFILES)
    assert len(result.failed) == 1
    assert message in next(iter(result.failed.values()))
    with pytest.raises(AssertionError, match=f"^with seed {result.seed}: "):
        result.check()


def test_a_waveform_on_request(seed: int, tmp_path: Path) -> None:
    result = bench(SkidBuffer(16), seed, testcase="declared_latency", waveform=tmp_path / "skid.vcd")
    result.check()
    assert result.waveform is not None
    assert "$enddefinitions" in result.waveform.read_text()


def test_the_seed_is_printed(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    result = bench(SkidBuffer(16), seed, testcase="declared_latency")
    assert capsys.readouterr().out == f"{BENCH} on top in verilator: seed {result.seed}\n"
    assert result.seed == seed % 2**31
