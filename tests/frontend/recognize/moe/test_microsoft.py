"""The com.microsoft operator, beside onnxruntime's kernel of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from vitaccel.backends.float_graph import evaluate
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.ops import Linear, Moe

EXPERTS, WIDTH, HIDDEN = 4, 6, 5
BIASES = ((EXPERTS, HIDDEN), (EXPERTS, WIDTH))


def operator(
    layer: Any, folder: Path, *, kind: str = "MoE", biases: bool = True, extra: int = 0, **attributes: Any
) -> Path:
    """A layer with one MoE node."""
    b1, b2 = (layer.weight(*b) for b in BIASES) if biases else ("", "")
    w1, w2 = layer.weight(EXPERTS, HIDDEN, WIDTH), layer.weight(EXPERTS, WIDTH, HIDDEN)
    more = [layer.weight(EXPERTS, HIDDEN, WIDTH)] * extra
    return layer.save(
        layer.op(kind, "tokens", "logits", w1, b1, w2, b2, *more, domain="com.microsoft", **attributes), folder
    )


def session_that_keeps(path: Path, value: str) -> onnxruntime.InferenceSession:
    """A session in which a value is an output too.

    The kernel of onnxruntime 1.31.1 clears its output before it reads its input, and the two share memory when nothing
    else needs the input: all tokens are then zero (seen with ``normalize_routing_weights=0``).
    """
    model = onnx.load(path)
    model.graph.output.append(helper.make_empty_tensor_value_info(value))
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("biases", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize(
    ("attributes", "meaning"),
    [
        ({}, {"k": 1, "activation": "relu"}),
        ({"k": 2, "activation_type": "gelu"}, {"k": 2, "activation": "gelu_tanh"}),
        (
            {"k": 3, "activation_type": "silu", "normalize_routing_weights": 1},
            {"k": 3, "activation": "silu", "score": "renorm"},
        ),
    ],
    ids=["defaults", "gelu", "normalised"],
)
def test_it_means_what_onnxruntime_computes(
    layer: Any, tmp_path: Path, attributes: dict[str, Any], meaning: dict[str, Any], biases: bool
) -> None:
    path = operator(layer, tmp_path, biases=biases, **attributes)
    graph = import_model(path).graph
    (moe,) = graph.find(lambda node: isinstance(node.op, Moe))
    assert graph[moe].op == Moe(experts=EXPERTS, **meaning)
    assert isinstance(graph[graph[moe].inputs[1]].op, Linear)
    assert graph.parameters == 2 * WIDTH + WIDTH * EXPERTS + EXPERTS * (
        2 * WIDTH * HIDDEN + (WIDTH + HIDDEN if biases else 0)
    )
    x = np.random.default_rng(2).standard_normal((1, 11, WIDTH)).astype(np.float32)
    (expected,) = session_that_keeps(path, "tokens").run(["y"], {"x": x})
    (found,) = evaluate(graph, {"x": x})
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"activation_type": "identity"}, "activation_type of relu, gelu, silu, not identity"),
        ({"extra": 1}, "two linear layers per expert, not fc3 weights too"),
        ({"use_sparse_mixer": 1}, "use_sparse_mixer=0, not 1"),
        ({"k": 5}, "k must be 1 to 4, not 5"),
    ],
)
def test_what_it_may_be_beside_that_is_refused(layer: Any, tmp_path: Path, how: dict[str, Any], why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        import_model(operator(layer, tmp_path, **how))


def test_weights_of_another_layout_are_refused(layer: Any, tmp_path: Path) -> None:
    w1, w2 = layer.weight(EXPERTS, WIDTH, HIDDEN), layer.weight(EXPERTS, HIDDEN, WIDTH)
    mixed = layer.op("MoE", "tokens", "logits", w1, "", w2, domain="com.microsoft")
    with pytest.raises(UnsupportedError, match=r"fc1 weights of shape|fc2 weights of shape"):
        import_model(layer.save(mixed, tmp_path))
