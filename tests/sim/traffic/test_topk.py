"""Rows of router logits begin in every order of four: what a comparison with two logits ahead may get wrong."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from amaranth.hdl import Const

from tests.rtl.stream_bench import run
from vitaccel_rtl import topk
from vitaccel_rtl.topk import TopK
from vitaccel_sim.traffic.topk import TOPK, order_blocks, orders

POINT = {"lanes": 4, "experts": 8, "k": 2}


def test_orders_are_all_there_are_with_ties() -> None:
    # Ordered set partitions of four: the fourth Fubini number.
    assert len(orders()) == len(set(orders())) == 75
    assert set(itertools.permutations(range(4))) < set(orders())


def test_rows_of_orders_are_no_shorter_than_k_and_no_longer_than_a_row() -> None:
    assert {len(rows[0]) for rows in order_blocks({"lanes": 3, "experts": 16, "k": 6})} == {6}
    assert order_blocks({"lanes": 1, "experts": 3, "k": 1}) == []
    assert order_blocks({"lanes": 2, "experts": 4096, "k": 16}) == []


def test_they_find_lanes_that_forget_which_logit_was_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the first of a row empties the ranks was not seen by any other row, two words behind it."""
    case = TOPK.directed(POINT)
    component: Any = TopK(**POINT)
    assert run(component, case.words, len(case.expected)).words == list(case.expected)
    right = topk._after

    def after_any(better: Any, enters: Any, first: Any, beats: Any) -> Any:
        return right(better, enters, Const(1) if first.name == "first_entered" else first, beats)

    monkeypatch.setattr(topk, "_after", after_any)
    broken: Any = TopK(**POINT)
    assert run(broken, case.words, len(case.expected)).words != list(case.expected)
