"""Mixtures of experts written node by node, so that a test can write one wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from vitaccel.backends.float_graph import evaluate
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.ops import Moe

TOKENS, WIDTH, HIDDEN, EXPERTS, TOP_K = 11, 6, 5, 4, 2


class Layer:
    """``x + MoE(LayerNorm(x))`` on ``[1, TOKENS, WIDTH]``: a router, then whatever a test adds.

    ``tokens`` (S, D), ``logits`` and ``probabilities`` (S, E) are ready to be read.
    """

    def __init__(self, *, seed: int = 5, router: bool = True) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        scale = self.const(np.ones(WIDTH, np.float32), "gamma")
        self.op("LayerNormalization", "x", scale, self.const(np.zeros(WIDTH, np.float32), "beta"), out="normed")
        self.op("Reshape", "normed", self.const([TOKENS, WIDTH]), out="tokens")
        if router:
            self.op("MatMul", "tokens", self.weight(WIDTH, EXPERTS), out="logits")
            self.op("Softmax", "logits", out="probabilities", axis=-1)

    def const(self, value: object, name: str = "") -> str:
        """An initializer; Python numbers are int64."""
        array = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else np.asarray(value, np.int64)
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape: int) -> str:
        """A random float initializer."""
        return self.const(self.rng.standard_normal(shape).astype(np.float32))

    def op(self, kind: str, *inputs: str, out: str = "", domain: str = "", **attributes: Any) -> str:
        """A node with one output."""
        out = out or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], name=f"n_{out}", domain=domain, **attributes))
        return out

    def top_k(self, values: str = "probabilities", k: int = TOP_K, **attributes: Any) -> tuple[str, str]:
        """Scores and experts, (S, k)."""
        self.nodes.append(
            helper.make_node("TopK", [values, self.const([k])], ["score", "chosen"], "router", **attributes)
        )
        return "score", "chosen"

    def expert(self, x: str, *, act: str = "Relu", bias: bool = True) -> str:
        """One expert of its own weights."""
        b1, b2 = ((self.weight(HIDDEN),), (self.weight(WIDTH),)) if bias else ((), ())
        hidden = self.op(act, self.op("Gemm", x, self.weight(WIDTH, HIDDEN), *b1))
        return self.op("Gemm", hidden, self.weight(HIDDEN, WIDTH), *b2)

    def gates(self, score: str, chosen: str) -> str:
        """Scores as an (S, E) matrix."""
        zeros = self.const(np.zeros((TOKENS, EXPERTS), np.float32))
        return self.op("ScatterElements", zeros, chosen, score, axis=1)

    def column(self, gates: str, expert: int) -> str:
        """Scores of one expert, (S, 1)."""
        return self.op("Slice", gates, self.const([expert]), self.const([expert + 1]), self.const([1]))

    def dense_list(self, score: str, chosen: str, *, ids: Iterable[int] = range(EXPERTS), **expert: Any) -> str:
        """Every expert on every token; the n-th expert answers to the n-th id."""
        gates = self.gates(score, chosen)
        terms = [self.op("Mul", self.expert("tokens", **expert), self.column(gates, e)) for e in ids]
        return self.total(terms)

    def total(self, terms: Sequence[str]) -> str:
        """A chain of Adds."""
        result = terms[0]
        for term in terms[1:]:
            result = self.op("Add", result, term)
        return result

    def one_hot(self, index: str, depth: int) -> str:
        """Float one-hot along a new last axis."""
        return self.op("OneHot", index, self.const(depth), self.const(np.array([0, 1], np.float32)), axis=-1)

    def einsum(self, equation: str, *operands: str) -> str:
        """An Einsum."""
        return self.op("Einsum", *operands, equation=equation)

    def capacity(self, score: str, chosen: str, *, slots: int, order: str = "choice", seats: int | None = None) -> str:
        """V-MoE dispatch: slots admitted by the comparison, seats that exist (the same unless the export is broken)."""
        seats = slots if seats is None else seats
        hot = self.one_hot(chosen, EXPERTS)
        queue = self.op("Transpose", hot, perm=[1, 0, 2]) if order == "choice" else hot
        flat = self.op("Reshape", queue, self.const([TOKENS * TOP_K, EXPERTS]))
        rank = self.op("Sub", self.op("CumSum", flat, self.const(0)), self.const(np.float32(1)))
        if order == "choice":
            rank = self.op("Reshape", rank, self.const([TOP_K, TOKENS, EXPERTS]))
            rank = self.op("Transpose", rank, perm=[1, 0, 2])
        else:
            rank = self.op("Reshape", rank, self.const([TOKENS, TOP_K, EXPERTS]))
        place = self.op("ReduceSum", self.op("Mul", rank, hot), self.const([-1]), keepdims=0)
        place = self.op("Cast", place, to=TensorProto.INT64)
        fits = self.op("Less", place, self.const(slots))
        place = self.op("Where", fits, place, self.const(slots))
        seat = self.one_hot(place, seats + 1)
        seat = self.op("Slice", seat, self.const([0]), self.const([min(slots, seats + 1)]), self.const([2]))
        dispatch = self.einsum("ske,skc->sec", hot, seat)
        combine = self.einsum("ske,skc->sec", self.op("Mul", hot, self.op("Unsqueeze", score, self.const([2]))), seat)
        rows = self.einsum("sec,sd->ecd", dispatch, "tokens")
        return self.einsum("sec,ecd->sd", combine, self.stacked(rows))

    def stacked(self, rows: str) -> str:
        """All experts on rows (E, n, D) of their own."""
        hidden = self.op(
            "Add", self.op("MatMul", rows, self.weight(EXPERTS, WIDTH, HIDDEN)), self.weight(EXPERTS, 1, HIDDEN)
        )
        out = self.op("MatMul", self.op("Relu", hidden), self.weight(EXPERTS, HIDDEN, WIDTH))
        return self.op("Add", out, self.weight(EXPERTS, 1, WIDTH))

    def save(self, mixed: str, folder: Path) -> Path:
        """The model that ends in ``x + mixed``."""
        self.op("Add", "x", self.op("Reshape", mixed, self.const([1, TOKENS, WIDTH])), out="y")
        shape = [1, TOKENS, WIDTH]
        sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y")]
        graph = helper.make_graph(self.nodes, "layer", sides[:1], sides[1:], self.initializers)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        path = folder / "layer.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
        return path


@pytest.fixture
def layer() -> Layer:
    return Layer()


@pytest.fixture
def moe_of() -> Callable[[Path], Moe]:
    """Return ``moe_of(path)``: the one mixture of experts of a file, whose Graph was compared with onnxruntime."""

    def moe_of(path: Path) -> Moe:
        graph = import_model(path).graph
        x = np.random.default_rng(1).standard_normal((1, TOKENS, WIDTH)).astype(np.float32)
        (expected,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})
        (found,) = evaluate(graph, {"x": x})
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        (name,) = graph.find(lambda node: isinstance(node.op, Moe))
        op = graph[name].op
        assert isinstance(op, Moe)
        return op

    return moe_of


@pytest.fixture
def refused() -> Callable[[Path, str], None]:
    """Return ``refused(path, why)``, which requires one sentence that matches *why*."""

    def refused(path: Path, why: str) -> None:
        with pytest.raises(UnsupportedError, match=why) as caught:
            import_model(path)
        assert "\n" not in str(caught.value)

    return refused


@pytest.fixture
def new_layer() -> Callable[..., Layer]:
    return Layer
