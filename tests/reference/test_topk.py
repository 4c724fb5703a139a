"""Routing: ties, worst cases, capacities, agreement with the float graph's rules, integers only."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.backends.float_graph.moe import route
from vitaccel.errors import NumericsError
from vitaccel.ir import ops
from vitaccel.reference.topk import ORDERS, ExpertQueues, TopK


@pytest.mark.parametrize(
    ("row", "experts"),
    [
        ([5, 5, 5, 5], [0, 1, 2, 3]),
        ([0, 7, 7, 1], [1, 2, 3, 0]),
        ([-32768, 32767, -32768, 32767], [1, 3, 0, 2]),
        ([3, 2, 1, 0], [0, 1, 2, 3]),
    ],
)
def test_ties_go_to_the_lower_expert(row: list[int], experts: list[int]) -> None:
    logits = torch.tensor(row, dtype=torch.int16)
    for k in range(1, 5):
        assert without_float(TopK(4, k).compute, logits).tolist() == experts[:k]


def test_many_equal_logits_stay_in_order() -> None:
    assert TopK(64, 64).compute(torch.zeros((3, 64), dtype=torch.int16)).tolist() == [list(range(64))] * 3


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("capacity", [0, 1, 3, 100])
def test_it_routes_as_the_float_graph_says(order: str, capacity: int, seed: int) -> None:
    logits = torch.from_numpy(np.random.default_rng(seed).integers(-3, 4, (40, 6)))
    moe = ops.Moe(experts=6, k=2, capacity=capacity, order=order if capacity else "")
    routing = route(moe, logits.float())
    choices = TopK(6, 2).compute(logits)
    queues = without_float(ExpertQueues(6, capacity, moe.order).compute, choices)
    assert torch.equal(choices, routing.experts)
    assert torch.equal(queues.kept, routing.kept)


@pytest.mark.parametrize("order", ORDERS)
def test_all_tokens_at_one_expert(order: str) -> None:
    queues = ExpertQueues(4, 5, order).compute(torch.full((9, 1), 3))
    assert queues.lengths.tolist() == [0, 0, 0, 5]
    assert queues.kept.flatten().tolist() == [True] * 5 + [False] * 4
    assert [part.tolist() for part in queues.of(3)] == [[0, 1, 2, 3, 4], [0] * 5]
    assert [part.tolist() for part in queues.of(0)] == [[], []]


def test_the_order_decides_who_is_dropped() -> None:
    choices = torch.tensor([[0, 1], [1, 0], [1, 0]])
    by_token = ExpertQueues(2, 2, "token").compute(choices)
    by_choice = ExpertQueues(2, 2, "choice").compute(choices)
    assert [part.tolist() for part in by_token.of(1)] == [[0, 1], [1, 0]]
    assert [part.tolist() for part in by_choice.of(1)] == [[1, 2], [0, 0]]
    assert by_token.kept.tolist() == [[True, True], [True, True], [False, False]]
    assert by_choice.kept.tolist() == [[True, False], [True, True], [True, False]]
    assert by_choice.position.tolist() == [[0, 2], [0, 1], [1, 2]]


def test_without_a_capacity_nothing_is_dropped() -> None:
    queues = ExpertQueues(3).compute(torch.tensor([[0, 2]] * 5))
    assert queues.kept.all()
    assert queues.lengths.tolist() == [5, 0, 5]


def test_no_tokens_make_empty_queues() -> None:
    queues = ExpertQueues(3, 2, "token").compute(TopK(3, 2).compute(torch.zeros((0, 3), dtype=torch.int16)))
    assert queues.lengths.tolist() == [0, 0, 0]
    assert queues.kept.shape == (0, 2)


@pytest.mark.parametrize("k", [0, 5])
def test_more_choices_than_experts_are_refused(k: int) -> None:
    with pytest.raises(NumericsError, match=f"k of a router must be 1 to 4 experts, not {k}"):
        TopK(4, k)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((4, 2, ""), "the drop order of experts must be token or choice, not ''"),
        ((4, 2, "random"), "the drop order of experts must be token or choice, not 'random'"),
        ((4, 0, "token"), "the drop order of experts must be empty without a capacity, not 'token'"),
        ((4, -1, "token"), "experts and capacity must be positive, not 4 and -1"),
        ((0, 1, "token"), "experts and capacity must be positive, not 0 and 1"),
    ],
)
def test_impossible_queues_are_refused(arguments: tuple[int, int, str], sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        ExpertQueues(*arguments)


def test_what_is_no_routing_is_refused() -> None:
    with pytest.raises(NumericsError, match=r"router logits must rate 4 experts, not shape \[2, 3\]"):
        TopK(4, 1).compute(torch.zeros((2, 3), dtype=torch.int16))
    for choices in (torch.tensor([[4]]), torch.tensor([[-1]]), torch.tensor([0, 1])):
        with pytest.raises(NumericsError, match=r"choices must be a matrix \[tokens, k\] of experts below 4"):
            ExpertQueues(4).compute(choices)
