from __future__ import annotations

from typing import Any

import pytest

from vitaccel.backends.onnx_qdq import to_onnx
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Linear, MatMul, TokenMix
from vitaccel.ir.types import TensorType


def test_products_are_matmuls(agrees: Any, weight: Any) -> None:
    assert agrees(Linear(), (1, 5, 6), weight(6, 4), weight(4)) == ["MatMul", "Add"]
    assert agrees(Linear(), (2, 6), weight(6, 4)) == ["MatMul"]
    assert agrees(MatMul(), (1, 2, 3, 4), (1, 2, 4, 5)) == ["MatMul"]
    assert agrees(TokenMix(), (2, 6, 3), weight(4, 6)) == ["MatMul"]


@pytest.mark.parametrize(("kind", "said"), [("matmul", []), ("resize", ["resize"]), ("pool", ["pool"])])
def test_a_resampling_says_what_it_was(weight: Any, kind: str, said: list[str]) -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 6, 3)), name="x")
    graph.outputs = [graph.add(TokenMix(kind), [x, graph.add_const(weight(4, 6))])]
    assert [p.value for p in to_onnx(graph).graph.node[0].metadata_props] == said
