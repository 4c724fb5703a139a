"""Scales and integers by name, and what is refused: no scale, several scales, numbers off the grid."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.networks import Case, front, imported, machine_of, quantized
from vitaccel.backends.image.model import Model, stem
from vitaccel.errors import QuantizationError
from vitaccel.ir.ops import Attention, LayerNorm, Linear, Moe


def model(name: str, seed: int) -> Model:
    case = Case(quantized(name, seed), machine_of("8x8"), seed)
    return Model(case.lowered.graph.canonical(), case.plan, {"task": 1})


def test_a_float_model_is_refused() -> None:
    case = Case(front(imported("vit")), machine_of("8x8"), 0)
    with pytest.raises(QuantizationError, match="must have a scale to run in integers: run vitaccel quantize"):
        assert case.constants.size


def test_scales_are_those_of_the_width(seed: int) -> None:
    of = model("vit", seed)
    (name, *_) = of.graph.find(lambda node: isinstance(node.op, LayerNorm))
    assert of.one_scale(name, 1) == of.graph[name].scale[0]
    of.graph.update(name, narrow_scale=0.25)
    assert (of.one_scale(name, 1), of.one_scale(name, 2)) == (0.25, of.graph[name].scale[0])
    of.graph.update(name, narrow_scale=0.0, scale=(1.0, 2.0))
    with pytest.raises(QuantizationError, match="must have one scale for all its channels, not several"):
        of.one_scale(name)


def test_values_inside_a_node_need_scales(seed: int) -> None:
    of = model("m3vit", seed)
    (name, *_) = of.graph.find(lambda node: isinstance(node.op, Moe))
    assert of.inner(name, 1) == of.graph[name].inner_scale[1]
    of.graph.update(name, inner_scale=())
    with pytest.raises(QuantizationError, match="must have scales of what it computes inside"):
        of.inner(name, 1)


def test_integers_are_the_grids(seed: int) -> None:
    of = model("vit", seed)
    linear = next(n for n in of.graph.topological() if isinstance(of.graph[n].op, Linear))
    weight = of.graph[linear].inputs[1]
    codes, scales = of.integers(weight, 8)
    np.testing.assert_allclose(codes * scales, of.graph.array(weight), rtol=1e-5)
    with pytest.raises(QuantizationError, match="must hold 4-bit multiples of its scale"):
        of.integers(weight, 4)
    of.graph.update(weight, scale=tuple(np.array(of.graph[weight].scale) * 1.37))
    with pytest.raises(QuantizationError, match="must hold 8-bit multiples of its scale"):
        of.integers(weight, 8)
    of.graph.update(weight, scale=())
    with pytest.raises(QuantizationError, match=r"constant .* of block0\.attn\.q must have a scale"):
        of.integers(weight, 8)


def test_a_kernels_nodes_and_constants_have_names(seed: int) -> None:
    of = model("lookupvit", seed)
    kernel = of.plan.kernels[0]
    assert stem(kernel) == f"{kernel.node}.{kernel.op}"
    assert of.fused(kernel.node)[0] == kernel.node
    assert any(isinstance(of.graph[n].op, Attention) for n in of.graph.topological())
    assert all(array.ndim == 3 for array in of.leaves().values())
