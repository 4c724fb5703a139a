"""Tests of the proofs: a block that is broken on purpose is refuted."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Module

from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.exp2 import Exp2
from vitaccel_rtl.layernorm import LayerNormMoments
from vitaccel_rtl.residual import ResidualAdd
from vitaccel_rtl.stream import Pipeline, SkidBuffer, lane_word
from vitaccel_sim.formal.bounds import MomentSums
from vitaccel_sim.formal.catalog import TABLE
from vitaccel_sim.formal.equivalence import METHOD, Equivalence
from vitaccel_sim.formal.order import InOrder, skid_contents
from vitaccel_sim.formal.prove import prove
from vitaccel_sim.formal.specification import Exp2Specification, ResidualSpecification
from vitaccel_sim.formal.stream_contract import StreamContract


class Forgetful(SkidBuffer):
    """Forgets the word in its second register."""

    def elaborate(self, platform: object) -> Any:
        m = super().elaborate(platform)
        assert isinstance(m, Module)
        m.d.comb += self.i.ready.eq(1)
        return m


class Restless(Pipeline):
    """Has a register that moves while the pipeline stalls."""

    def __init__(self) -> None:
        word = lane_word(1, 4)
        super().__init__(i=word, o=word, latency_cycles=1)

    def connect(self, m: Any, stages: Any, valid: Any, last: Any) -> None:
        m.d.sync += self.o.p.lanes.eq(self.i.p.lanes)


def test_a_word_that_is_lost_is_found() -> None:
    result = prove(InOrder(Forgetful(8), skid_contents), depth=6)
    assert result.verdict == "refuted"
    assert result.trace is not None


def test_a_register_that_moves_in_a_stall_is_found() -> None:
    contract = StreamContract(Restless())
    result = prove(contract, depth=5, cover_depth=contract.cover_depth)
    assert result.verdict == "refuted"
    assert "no register moves while the pipeline stalls" in result.failed


def test_one_bit_of_a_table_is_found() -> None:
    mantissas = list(OnlineSoftmax(6).exp2.mantissas)
    mantissas[37] ^= 1 << 3
    specification = Exp2Specification(**TABLE)
    block = Exp2(lanes=1, fraction_bits=6, table=tuple(mantissas))
    result = prove(
        Equivalence(block, specification, legal=specification.legal), depth=block.latency_cycles, method=METHOD
    )
    assert (result.verdict, result.failed) == ("refuted", ("lanes is what the specification says",))


def test_a_sum_that_wraps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.residual.saturate", lambda value, bits: value[:bits].as_signed())
    block = ResidualAdd(lanes=1)
    result = prove(Equivalence(block, ResidualSpecification(bits=16)), depth=block.latency_cycles, method=METHOD)
    assert result.verdict == "refuted"


def test_a_row_that_is_too_long_for_its_sums_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.layernorm.TOTAL_BITS", 17)
    assert prove(MomentSums(LayerNormMoments(lanes=1), channels=8), depth=9).verdict == "refuted"
