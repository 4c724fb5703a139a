from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.backends.onnx_qdq import to_onnx
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Attention, AttentionLogits, Input
from vitaccel.ir.types import TensorType


def test_logits_have_heads_scale_and_mask(agrees: Any, weight: Any) -> None:
    operators = agrees(AttentionLogits(heads=3, scale=0.3), (2, 5, 6), (2, 4, 6), weight(1, 1, 5, 4))
    assert operators[-3:] == ["MatMul", "Mul", "Add"]
    mask = np.where(np.tri(5, 5) > 0, 0, -np.inf).astype(np.float32)
    agrees(Attention(), (1, 2, 5, 4), (1, 4, 6))
    assert agrees(AttentionLogits(heads=2), (1, 5, 4), (1, 4, 4))[-1] == "MatMul"
    assert mask.shape == (5, 5)


@pytest.mark.parametrize(
    ("reuse", "tokens"), [("none", 4), ("post_softmax_T", 5), ("pre_softmax_T", 5), ("head_mean_T", 5)]
)
def test_probabilities_are_applied_in_every_way(agrees: Any, reuse: str, tokens: int) -> None:
    agrees(Attention(reuse), (2, 3, 5, 4), (2, tokens, 6))


def test_one_softmax_serves_two() -> None:
    graph = Graph("g")
    logits = graph.add(Input(), type=TensorType((1, 2, 4, 4)), name="logits")
    v = graph.add(Input(), type=TensorType((1, 4, 6)), name="v")
    graph.outputs = [graph.add(Attention(reuse), [logits, v]) for reuse in ("none", "post_softmax_T")]
    assert [node.op_type for node in to_onnx(graph).graph.node].count("Softmax") == 1
