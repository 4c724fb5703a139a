"""Micro models ready to be quantized, images for them, and small networks with channels of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vitaccel.frontend import ImportedModel
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Input, LayerNorm, Linear, Op
from vitaccel.ir.types import TensorType
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision
from vitaccel.quantization import QuantizationOptions, QuantizationRecord, quantize

MICRO: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("vit-micro", {}),
    "vit-mean": ("vit-micro", {"cls": False, "registers": 2}),
    "vit-batch": ("vit-micro", {"batch": 3}),
    "deit-distilled": ("deit-micro", {"distilled_head": True}),
    "lookupvit": ("lookupvit-micro", {}),
    "lookupvit-mean": ("lookupvit-micro", {"reuse": "head_mean_T"}),
    "m3vit": ("m3vit-micro", {}),
    "m3vit-task": ("m3vit-micro", {"task_input": True}),
    "m3vit-decoder": ("m3vit-micro", {"decoder": True}),
    "vmoe": ("vmoe-micro", {}),
    "hybrid": ("hybrid-micro", {}),
}
"""Micro models by a short name: zoo name and options."""


def front(graph: Graph) -> Graph:
    """Bring a Graph to where quantization begins."""
    for each in (Canonicalize(), Fuse(), Label(), Precision()):
        graph = each.run(graph)
    return graph


def images_for(graph: Graph, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw normal images for a graph; every index is 1."""
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal((count, *graph[name].type.static_shape[1:])).astype(np.float32)
        if graph[name].type.element == "f32"
        else np.array([1])
        for name in graph.inputs
    }


class Net:
    """A Graph under construction, with random constants; every method returns the name of a value."""

    def __init__(self, seed: int, *shape: int) -> None:
        self.graph = Graph("net")
        self.generator = np.random.default_rng(seed)
        self.x = self.graph.add(Input(), type=TensorType(shape), name="x")

    def op(self, op: Op, *operands: str) -> str:
        return self.graph.add(op, operands)

    def const(self, array: np.ndarray) -> str:
        return self.graph.add_const(np.asarray(array, np.float32), parameter=True)

    def normal(self, *shape: int) -> np.ndarray:
        return self.generator.standard_normal(shape).astype(np.float32)

    def linear(self, x: str, outputs: int, *, bias: bool = True) -> str:
        width = self.graph[x].type.static_shape[-1]
        weight = self.const(self.normal(width, outputs) / np.sqrt(width))
        return self.op(Linear(), x, weight, *([self.const(self.normal(outputs) / 10)] if bias else []))

    def norm(self, x: str, gamma: np.ndarray | None = None) -> str:
        width = self.graph[x].type.static_shape[-1]
        gain = np.ones(width) if gamma is None else gamma
        return self.op(LayerNorm(), x, self.const(gain), self.const(self.normal(width) / 10))

    def mlp(self, x: str, hidden: int, kind: str = "gelu", gamma: np.ndarray | None = None) -> str:
        """Return ``x + linear(activation(linear(norm(x))))``."""
        width = self.graph[x].type.static_shape[-1]
        inner = self.op(Activation(kind), self.linear(self.norm(x, gamma), hidden))
        return self.op(Add(), x, self.linear(inner, width))

    def done(self, *outputs: str) -> Graph:
        self.graph.outputs = list(outputs)
        return front(self.graph)


@pytest.fixture
def net(seed: int) -> Callable[..., Net]:
    """Return ``net(*input shape)``."""
    return lambda *shape: Net(seed, *shape)


@pytest.fixture(scope="session")
def prepared(imported: Callable[..., ImportedModel]) -> Callable[[str], Graph]:
    """Return ``prepared(short name)``: a micro model where quantization begins."""
    graphs: dict[str, Graph] = {}

    def prepare(name: str) -> Graph:
        if name not in graphs:
            model, options = MICRO[name]
            graphs[name] = front(imported(model, **options).graph)
        return graphs[name]

    return prepare


@pytest.fixture(scope="session")
def quantized(
    prepared: Callable[[str], Graph], pytestconfig: pytest.Config
) -> Callable[..., tuple[Graph, QuantizationRecord]]:
    """Return ``quantized(short name, **options)``: a micro model quantized on four images."""
    done: dict[tuple[object, ...], tuple[Graph, QuantizationRecord]] = {}

    def run(name: str, **options: Any) -> tuple[Graph, QuantizationRecord]:
        key = (name, *sorted(options.items()))
        if key not in done:
            graph = prepared(name)
            images = images_for(graph, 4, pytestconfig.option.seed)
            done[key] = quantize(graph, images, QuantizationOptions(**options))
        return done[key]

    return run


@pytest.fixture
def images(seed: int) -> Callable[..., dict[str, np.ndarray]]:
    """Return ``images(graph, count)``."""
    return lambda graph, count: images_for(graph, count, seed)


def value_by_label(graph: Graph, label: str, op: str) -> str:
    """Return the value with a label and an op's name."""
    (found,) = [name for name in graph.topological() if graph[name].label == label and graph[name].op.name == op]
    return found


@pytest.fixture(scope="session")
def find() -> Callable[[Graph, str, str], str]:
    """Return ``find(graph, label, op name)``: the value's name."""
    return value_by_label
