"""Router logits that make visible what must be."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.recognize.moe.probe import lonely_logits, random_weights, telling_logits
from vitaccel.frontend.recognize.moe.semantics import softmax
from vitaccel.ir.graph import Graph

SIZES = [(11, 4), (16, 16), (5, 16), (1, 3), (129, 16)]


@pytest.mark.parametrize(("tokens", "experts"), SIZES)
@pytest.mark.parametrize("k", [1, 2])
def test_every_expert_is_chosen_first_by_some_token(tokens: int, experts: int, k: int) -> None:
    runs = list(telling_logits(tokens, experts, smallest_k=k))
    assert {int(e) for run in runs for e in run.argmax(axis=1)} == set(range(experts))


@pytest.mark.parametrize(("tokens", "experts"), SIZES)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_some_run_has_every_token_choose_expert_0(tokens: int, experts: int, k: int) -> None:
    runs = telling_logits(tokens, experts, smallest_k=k)
    wanted = [int((np.argsort(-run, axis=1)[:, :k] == 0).any(axis=1).sum()) for run in runs]
    assert max(wanted) == tokens


def test_expert_0_is_wanted_first_by_later_tokens_and_second_by_earlier_ones() -> None:
    (run,) = telling_logits(11, 4, smallest_k=2)
    first = run.argmax(axis=1)
    assert (first[1:4] != 0).all()
    assert (first[4:] == 0).sum() >= 3


def test_a_lonely_token_has_one_expert_whatever_the_score() -> None:
    probabilities = softmax(lonely_logits(6, 4))
    np.testing.assert_array_equal(probabilities[:4].round(7), np.eye(4, dtype=np.float32))


def test_constants_of_equal_values_become_different() -> None:
    graph = Graph("g")
    names = [graph.add_const(np.zeros((2, 3), np.float32)) for _ in range(2)]
    a, b = random_weights(graph, names).values()
    assert not np.allclose(a, b)
