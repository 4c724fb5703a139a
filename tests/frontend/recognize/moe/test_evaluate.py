"""The evaluator of regions: gathered weights, and what it does not run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.frontend.recognize.moe.evaluate import NotEvaluableError, Picked, evaluate_region
from vitaccel.ir import ops
from vitaccel.ir.graph import Graph
from vitaccel.ir.types import TensorType

EXPERTS, WIDTH, HIDDEN, TOKENS = 4, 6, 5, 11


@pytest.mark.parametrize("shape", [(7,), (3, 2)])
def test_picked_matrices_multiply_as_if_they_were_copied(shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    stack = rng.standard_normal((4, 5, 6)).astype(np.float32)
    index = rng.integers(0, 4, shape)
    right = rng.standard_normal((*shape, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(Picked(stack, index).times(right), stack[index] @ right, rtol=1e-4, atol=1e-5)
    left = rng.standard_normal((*shape, 5, 2)).astype(np.float32)
    turned = np.swapaxes(stack[index], -1, -2)
    np.testing.assert_allclose(Picked(stack, index).transposed.times(left), turned @ left, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["weights first", "weights second", "weights turned"])
def test_gathered_weights_are_a_mixture(
    layer: Any, tmp_path: Path, moe_of: Callable[[Path], ops.Moe], side: str
) -> None:
    score, chosen = layer.top_k()
    rows = layer.op("Unsqueeze", "tokens", layer.const([1]))

    def product(x: str, height: int, width: int) -> str:
        if side == "weights first":
            picked = layer.op("Gather", layer.weight(EXPERTS, width, height), chosen, axis=0)
            column = layer.op("MatMul", picked, layer.op("Unsqueeze", x, layer.const([-1])))
            return str(layer.op("Squeeze", column, layer.const([-1])))
        picked = layer.op("Gather", layer.weight(EXPERTS, height, width), chosen, axis=0)
        if side == "weights turned":
            picked = layer.op("Gather", layer.weight(EXPERTS, width, height), chosen, axis=0)
            picked = layer.op("Transpose", picked, perm=[0, 1, 3, 2])
        row = layer.op("MatMul", layer.op("Unsqueeze", x, layer.const([-2])), picked)
        return str(layer.op("Squeeze", row, layer.const([-2])))

    spread = layer.op("Expand", rows, layer.const([TOKENS, 2, WIDTH]))
    out = product(layer.op("Relu", product(spread, WIDTH, HIDDEN)), HIDDEN, WIDTH)
    weighted = layer.op("Mul", out, layer.op("Unsqueeze", score, layer.const([-1])))
    mixed = layer.op("ReduceSum", weighted, layer.const([1]), keepdims=0)
    assert moe_of(layer.save(mixed, tmp_path)) == ops.Moe(experts=4, k=2, activation="relu")


def test_typed_operations_mean_what_the_float_interpreter_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = Graph("g")
    x = graph.add(ops.Input(), type=TensorType((2, 4, 6)), name="x")

    def const(*shape: int) -> str:
        return graph.add_const(rng.standard_normal(shape).astype(np.float32))

    at = graph.add(ops.Linear(), [x, const(6, 8), const(8)])
    at = graph.add(ops.TokenMix(), [at, const(3, 4)])
    at = graph.add(ops.Softmax(), [at])
    at = graph.add(ops.Transpose(perm=(0, 2, 1)), [at])
    at = graph.add(ops.MatMul(), [at, graph.add(ops.Slice(axis=1, start=1, stop=4), [x])])
    at = graph.add(ops.Concat(axis=1), [at, at])
    at = graph.add(ops.Mul(), [graph.add(ops.Add(), [at, const(6)]), const(1, 16, 1)])
    at = graph.add(ops.Broadcast(shape=(3, 2, 16, 6)), [at])
    at = graph.add(ops.Reshape(shape=(6, 16, 6)), [at])
    graph.outputs = [graph.add(ops.Mean(), [at])]
    feeds = {"x": rng.standard_normal((2, 4, 6)).astype(np.float32)}
    (expected,) = evaluate(graph, feeds)
    nodes = [n for n in graph.topological() if not graph.is_const(n) and n != "x"]
    found = evaluate_region(graph, nodes, feeds, keep=graph.outputs)[graph.outputs[0]]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "type_", "why"),
    [
        (ops.Foreign(op_type="Unheard", present=(0,)), TensorType((2, 3)), "Unheard has no meaning here"),
        (ops.Foreign(op_type="Relu", domain="other", present=(0,)), TensorType((2, 3)), "Relu has no meaning here"),
        (ops.Reshape(shape=(4, 2)), TensorType((4, 2)), "reshape cannot be run"),
        (ops.Broadcast(shape=(1 << 27, 2, 3)), TensorType((1 << 27, 2, 3)), "broadcast gives"),
    ],
    ids=["unknown", "domain", "shape", "size"],
)
def test_what_it_does_not_run_it_says(op: ops.Op, type_: TensorType, why: str) -> None:
    graph = Graph("g")
    x = graph.add(ops.Input(), type=TensorType((2, 3)), name="x")
    end = graph.add(op, [x], type=type_)
    with pytest.raises(NotEvaluableError, match=why):
        evaluate_region(graph, [end], {"x": np.zeros((2, 3), np.float32)}, keep=[end])
