"""Experts beside a loop over tokens; ties, capacity and drop order beside hand-written cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from vitaccel.backends.float_graph.moe import route
from vitaccel.ir import ops

Run = Callable[..., np.ndarray]
E, D, HIDDEN, OUT = 4, 3, 5, 6


def weights(draw: Run) -> tuple[np.ndarray, ...]:
    return draw(E, D, HIDDEN), draw(E, HIDDEN), draw(E, HIDDEN, OUT), draw(E, OUT)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.astype(np.float64))
    return e / e.sum()


def by_token(op: ops.Moe, x: np.ndarray, logits: np.ndarray, *experts: np.ndarray) -> np.ndarray:
    """Every token on its own, choices in the order in which capacity is granted."""
    w1, b1, w2, b2 = experts
    tokens, logits = x.reshape(-1, D), logits.reshape(-1, E)
    result = np.zeros((len(tokens), OUT))
    taken = [0] * E
    chosen = [sorted(range(E), key=lambda e, row=row: (-row[e], e))[: op.k] for row in logits]
    turns = [(t, j) for t in range(len(tokens)) for j in range(op.k)]
    if op.order == "choice":
        turns.sort(key=lambda turn: (turn[1], turn[0]))
    for t, j in turns:
        e = chosen[t][j]
        taken[e] += 1
        if op.capacity and taken[e] > op.capacity:
            continue
        probabilities = softmax(logits[t])
        score = {
            "softmax_all": probabilities[e],
            "softmax_topk": softmax(logits[t][chosen[t]])[j],
            "renorm": probabilities[e] / probabilities[chosen[t]].sum(),
        }[op.score]
        result[t] += score * (np.maximum(tokens[t] @ w1[e] + b1[e], 0) @ w2[e] + b2[e])
    return result.reshape(*x.shape[:-1], OUT)


@pytest.mark.parametrize(("capacity", "order"), [(0, ""), (3, "token"), (3, "choice"), (1, "token"), (1, "choice")])
@pytest.mark.parametrize("score", ops.SCORES)
@pytest.mark.parametrize("k", [1, 2, E])
def test_moe_is_a_loop_over_tokens(run_op: Run, draw: Run, k: int, score: str, capacity: int, order: str) -> None:
    op = ops.Moe(experts=E, k=k, score=score, activation="relu", capacity=capacity, order=order)
    x, logits, experts = draw(2, 6, D), draw(2, 6, E), weights(draw)
    expected = by_token(op, x, logits, *experts)
    np.testing.assert_allclose(run_op(op, x, logits, *experts), expected, rtol=1e-4, atol=1e-5)


def test_moe_over_all_experts_is_the_dense_weighted_sum(run_op: Run, draw: Run) -> None:
    x, logits, (w1, b1, w2, b2) = draw(7, D), draw(7, E), weights(draw)
    hidden = torch.nn.functional.gelu(torch.from_numpy(np.einsum("sd,edh->seh", x, w1) + b1)).numpy()
    gates = torch.from_numpy(logits).softmax(-1).numpy()
    expected = np.einsum("se,sed->sd", gates, np.einsum("seh,ehd->sed", hidden, w2) + b2)
    op = ops.Moe(experts=E, k=E, score="softmax_all", activation="gelu")
    np.testing.assert_allclose(run_op(op, x, logits, w1, b1, w2, b2), expected, rtol=1e-4, atol=1e-5)


def test_an_expert_sees_only_its_own_tokens(run_op: Run, draw: Run) -> None:
    x, (w1, b1, w2, b2) = draw(3, D), weights(draw)
    logits = np.eye(E, dtype=np.float32)[[0, 1, 1]]
    w1[2:] = np.nan
    result = run_op(ops.Moe(experts=E, k=1), x, logits, w1, b1, w2, b2)
    assert np.isfinite(result).all()


def test_a_tie_goes_to_the_lower_expert() -> None:
    # 64 experts: an unstable sort of a short row may be stable by chance.
    routing = route(ops.Moe(experts=64, k=3), torch.zeros(2, 64))
    assert routing.experts.tolist() == [[0, 1, 2], [0, 1, 2]]
    logits = torch.zeros(1, 64)
    logits[0, [40, 7, 63]] = 1.0
    assert route(ops.Moe(experts=64, k=3), logits).experts.tolist() == [[7, 40, 63]]


def test_raw_renormalised_and_chosen_scores() -> None:
    logits = torch.tensor([[1.0, 3.0, 4.0, 2.0]]).log()
    raw = route(ops.Moe(experts=4, k=2), logits)
    assert raw.experts.tolist() == [[2, 1]]
    torch.testing.assert_close(raw.scores, torch.tensor([[0.4, 0.3]]))
    for score in ("softmax_topk", "renorm"):
        chosen = route(ops.Moe(experts=4, k=2, score=score), logits)
        torch.testing.assert_close(chosen.scores, torch.tensor([[4 / 7, 3 / 7]]))


def test_choices_made_elsewhere_are_scored_and_queued() -> None:
    logits = torch.tensor([[1.0, 3.0, 4.0, 2.0]]).log().repeat(2, 1)
    experts = torch.tensor([[3, 0], [3, 1]])
    for score, expected in (
        ("softmax_all", [[0.2, 0.1], [0.2, 0.3]]),
        ("softmax_topk", [[2 / 3, 1 / 3], [2 / 5, 3 / 5]]),
        ("renorm", [[2 / 3, 1 / 3], [2 / 5, 3 / 5]]),
    ):
        routing = route(ops.Moe(experts=4, k=2, score=score, capacity=1, order="token"), logits, experts=experts)
        assert routing.experts.tolist() == experts.tolist()
        torch.testing.assert_close(routing.scores, torch.tensor(expected))
        assert routing.kept.tolist() == [[True, True], [False, True]]


def test_what_is_dropped_depends_on_the_order() -> None:
    # Tokens choose (0, 1), (1, 0), (0, 1); every expert has room for two.
    logits = torch.tensor([[2.0, 1.0], [1.0, 2.0], [2.0, 1.0]])
    by_token_order = route(ops.Moe(experts=2, k=2, capacity=2, order="token"), logits)
    by_choice_order = route(ops.Moe(experts=2, k=2, capacity=2, order="choice"), logits)
    assert by_token_order.kept.tolist() == [[True, True], [True, True], [False, False]]
    assert by_choice_order.kept.tolist() == [[True, True], [True, False], [True, False]]


def test_a_dropped_choice_keeps_the_scores_of_the_others(run_op: Run, draw: Run) -> None:
    x, experts = draw(2, D), weights(draw)
    logits = np.zeros((2, E), np.float32)
    op = ops.Moe(experts=E, k=1, score="renorm", activation="relu", capacity=1, order="token")
    result = run_op(op, x, logits, *experts)
    assert np.any(result[0])
    assert not np.any(result[1])
