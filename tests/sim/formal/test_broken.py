"""Tests of the proofs: a block that is broken on purpose is refuted."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Const, Module

from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl import arbiter
from vitaccel_rtl.arbiter import Arbiter
from vitaccel_rtl.array import Array
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.exp2 import Exp2
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.layernorm import LayerNormMoments
from vitaccel_rtl.pe import PeRows
from vitaccel_rtl.requantize import STAGES_TO_SHIFT, Requantize
from vitaccel_rtl.residual import ResidualAdd
from vitaccel_rtl.softmax import SoftmaxStatistics
from vitaccel_rtl.stream import Pipeline, SkidBuffer, lane_word
from vitaccel_sim.formal.arbitration import Arbitration
from vitaccel_sim.formal.bounds import ArraySums, MomentSums, SoftmaxSum
from vitaccel_sim.formal.catalog import TABLE
from vitaccel_sim.formal.credit import CreditOrder
from vitaccel_sim.formal.equivalence import METHOD, Equivalence
from vitaccel_sim.formal.order import InOrder, fifo_contents, skid_contents
from vitaccel_sim.formal.proof import PRODUCTS
from vitaccel_sim.formal.prove import prove
from vitaccel_sim.formal.specification import Exp2Specification, RequantizeSpecification, ResidualSpecification
from vitaccel_sim.formal.stream_contract import StreamContract


class Forgetful(SkidBuffer):
    """Forgets the word in its second register."""

    def elaborate(self, platform: object) -> Any:
        m = super().elaborate(platform)
        assert isinstance(m, Module)
        m.d.comb += self.i.ready.eq(1)
        return m


class Overrun(StreamFifo):
    """Accepts words whether or not there is a place."""

    def elaborate(self, platform: object) -> Any:
        m = super().elaborate(platform)
        assert isinstance(m, Module)
        m.d.comb += self.i.ready.eq(1)
        return m


class Grudging(CreditQueue):
    """Keeps back its last place after a cycle in which a word leaves alone, or after one in which nothing happens."""

    def __init__(self, *, after_a_word: bool) -> None:
        super().__init__(8, depth=3)
        self._after_a_word = after_a_word

    def elaborate(self, platform: object) -> Any:
        m = super().elaborate(platform)
        leaves = self.o.valid & self.o.ready
        with m.If(~self.has_two_places & ~self.reserve & (leaves == self._after_a_word)):
            m.d.sync += self.has_place.eq(0)
        return m


class Interleaved(Arbiter):
    """Lets the source that is next begin a row while another has not ended its own."""

    def _keep(self, m: Any, *signals: Any) -> Any:
        super()._keep(m, *signals)
        return signals[-1]


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


@pytest.mark.parametrize("after_a_word", [False, True])
def test_a_place_that_is_kept_back_is_found(*, after_a_word: bool) -> None:
    """What costs cycles under back-pressure and no word, so that no bench of a block sees it."""
    result = prove(CreditOrder(Grudging(after_a_word=after_a_word), depth=3), depth=8)
    assert (result.verdict, result.failed) == ("refuted", ("it says whether there is a place",))


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


@pytest.mark.full
def test_a_queue_that_is_overrun_is_found() -> None:
    result = prove(InOrder(Overrun(8, depth=3), fifo_contents(3)), depth=8)
    assert result.verdict == "refuted"


@pytest.mark.full
def test_a_sum_of_the_array_that_has_a_carry_too_many_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    accumulate = PeRows._accumulate
    monkeypatch.setattr(
        PeRows,
        "_accumulate",
        lambda self, m, *place: accumulate(self, m, *place[:-1], (place[-1][0], Const(1, 1))),
    )
    result = prove(ArraySums(Array(side=2, accumulator_bits=24), words=255), depth=8, abstract=PRODUCTS)
    assert (result.verdict, result.failed) == ("refuted", ("a sum is below its count",))


@pytest.mark.full
def test_a_tile_that_is_too_deep_for_its_sums_is_found() -> None:
    result = prove(ArraySums(Array(side=2, accumulator_bits=17), words=3), depth=8, abstract=PRODUCTS)
    assert result.verdict == "refuted"
    assert "the register of a sum holds its bound" in result.failed


@pytest.mark.full
def test_a_sum_of_powers_that_keeps_its_scale_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.softmax._kept", lambda total, keep: total & keep.any().replicate(len(total)))
    result = prove(SoftmaxSum(SoftmaxStatistics(lanes=1, **TABLE), keys=4096), depth=12)
    assert (result.verdict, result.failed) == ("refuted", ("the running sum is within its count",))


@pytest.mark.full
def test_a_rounding_that_cuts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.requantize.round_off", lambda value: value[1:].as_signed())
    block = Requantize(lanes=1)
    specification = RequantizeSpecification(bits=16).of_product
    component = Equivalence(block, specification, given={"lane0.scaled_sum": STAGES_TO_SHIFT})
    result = prove(component, depth=block.latency_cycles, method=METHOD, abstract=PRODUCTS)
    assert (result.verdict, result.failed) == ("refuted", ("lanes is what the specification says",))


def test_a_source_that_starves_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    grant = arbiter.grant
    monkeypatch.setattr(arbiter, "grant", lambda m, requests, **rest: grant(m, requests, **{**rest, "moves": Const(0)}))
    result = prove(Arbitration(Arbiter(lane_word(1, 4), sources=3)), depth=6)
    assert (result.verdict, result.failed) == (
        "refuted",
        ("the passes and the sources before me are N 1 at most",),
    )


@pytest.mark.full
def test_a_row_that_is_interleaved_is_found() -> None:
    block = Interleaved(lane_word(1, 4), sources=3, keep_until_last=True)
    result = prove(Arbitration(block, keep_until_last=True), depth=6)
    assert result.verdict == "refuted"


@pytest.mark.full
def test_two_sources_that_are_served_at_once_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbiter, "_lowest", lambda bits: bits)
    result = prove(Arbitration(Arbiter(lane_word(1, 4), sources=3)), depth=4)
    assert result.verdict == "refuted"
    assert "no two sources are accepted at once" in result.failed


@pytest.mark.full
def test_a_word_that_names_the_wrong_source_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbiter, "encode", lambda granted: granted[1] | granted[0])
    assert prove(Arbitration(Arbiter(lane_word(1, 4), sources=2)), depth=6).verdict == "refuted"
