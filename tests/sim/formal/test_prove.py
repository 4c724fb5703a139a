# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cover, Module, Signal
from amaranth.lib import wiring

from vitaccel_sim.formal import prove as proving
from vitaccel_sim.formal.prove import prove


class Count(wiring.Component):
    """Counts to *most*, and says that it never passes *limit*."""

    def __init__(self, *, most: int, limit: int, contradictory: bool = False, has_cover: bool = True) -> None:
        self._most = most
        self._limit = limit
        self._contradictory = contradictory
        self._has_cover = has_cover
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(5)
        step = Signal()
        m.d.comb += step.eq(AnySeq(1))
        with m.If(step & (count != self._most)):
            m.d.sync += count.eq(count + 1)
        m.d.comb += Assert(count <= self._limit, "the limit is kept")
        if self._has_cover:
            m.d.comb += Cover(count == 2, "two is reached")
        if self._contradictory:
            m.d.comb += [Assume(step), Assume(~step)]
        return m


def test_what_holds_is_proved(tmp_path: Path) -> None:
    result = prove(Count(most=9, limit=9), depth=2, cover_depth=6, folder=tmp_path)
    result.check()
    assert (result.verdict, result.reached, result.trace) == ("proved", ("two is reached",), None)


@pytest.fixture
def one_processor() -> Iterator[None]:
    """On one processor SymbiYosys' tasks would wait for each other, were it not told how many to run."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})
    yield
    os.sched_setaffinity(0, all_of_them)


@pytest.mark.usefixtures("one_processor")
def test_what_does_not_hold_is_refuted_with_a_trace(tmp_path: Path) -> None:
    result = prove(Count(most=4, limit=3), depth=8, folder=tmp_path)
    assert (result.verdict, result.failed) == ("refuted", ("the limit is kept",))
    assert result.trace is not None
    assert result.trace.read_text().startswith("$")
    with pytest.raises(AssertionError, match="must be proved, and are refuted: the limit is kept, see "):
        result.check()


def test_what_induction_cannot_tell_is_unknown(tmp_path: Path) -> None:
    assert prove(Count(most=9, limit=20), depth=2, cover_depth=6, folder=tmp_path).verdict == "unknown"


def test_assumptions_that_contradict_each_other_are_found(tmp_path: Path) -> None:
    result = prove(Count(most=4, limit=0, contradictory=True), depth=4, folder=tmp_path)
    assert (result.verdict, result.missed) == ("vacuous", ("two is reached",))
    with pytest.raises(AssertionError, match="are vacuous: never: two is reached"):
        result.check()


def test_a_result_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prove(Count(most=9, limit=9), depth=2, cover_depth=6, folder=tmp_path)
    monkeypatch.setattr(proving, "_run", lambda place: pytest.fail(f"{place} was proved again"))
    assert prove(Count(most=9, limit=9), depth=2, cover_depth=6, folder=tmp_path) == first


def test_what_is_no_proof_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a proof must have an assertion, and a cover that shows"):
        prove(Count(most=9, limit=9, has_cover=False), depth=2)
    with pytest.raises(ValueError, match=r"^method of a proof must be one of .*, any state, not 'bmc'$"):
        prove(Count(most=9, limit=9), depth=2, method="bmc")
