"""The NumPy meaning of a Moe is that of the float interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.frontend.recognize.moe import semantics
from vitaccel.frontend.recognize.moe.semantics import ExpertArrays, evaluate_moe, stand_in
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Moe
from vitaccel.ir.types import TensorType

TOKENS, WIDTH, HIDDEN, EXPERTS = 13, 6, 5, 4
LIMITS = [{}, {"capacity": 2, "order": "token"}, {"capacity": 2, "order": "choice"}, {"capacity": 6, "order": "choice"}]


@pytest.mark.parametrize("limit", LIMITS, ids=str)
@pytest.mark.parametrize("score", ["softmax_all", "softmax_topk", "renorm"])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_it_agrees_with_the_float_interpreter(
    score: str, k: int, limit: dict[str, Any], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantics, "stand_in", lambda x: np.maximum(x, 0))
    rng = np.random.default_rng(seed)
    shapes = [(EXPERTS, WIDTH, HIDDEN), (EXPERTS, HIDDEN), (EXPERTS, HIDDEN, WIDTH), (EXPERTS, WIDTH)]
    weights = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    x = rng.standard_normal((TOKENS, WIDTH)).astype(np.float32)
    # Halves make ties.
    logits = (np.round(2 * rng.standard_normal((TOKENS, EXPERTS))) / 2).astype(np.float32)
    op = Moe(experts=EXPERTS, k=k, score=score, activation="relu", **limit)
    graph = Graph("moe")
    feeds = {"x": x, "logits": logits}
    sides = [graph.add(Input(), type=TensorType(v.shape), name=n) for n, v in feeds.items()]
    graph.outputs = [graph.add(op, [*sides, *(graph.add_const(w) for w in weights)])]
    (expected,) = evaluate(graph, feeds)
    np.testing.assert_allclose(evaluate_moe(op, x, logits, ExpertArrays(*weights)), expected, rtol=1e-4, atol=1e-5)


def test_the_stand_in_is_neither_odd_nor_even_nor_homogeneous() -> None:
    x = np.array([0.5, 1.0, 2.0])
    assert not np.allclose(stand_in(-x), -stand_in(x))
    assert not np.allclose(stand_in(-x), stand_in(x))
    assert not np.allclose(stand_in(2 * x), 2 * stand_in(x))
