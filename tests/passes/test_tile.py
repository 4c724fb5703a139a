"""Which nodes become kernels: none for what the host can lay out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Conv2d, Input, LayerNorm, Linear, Reshape, Transpose
from vitaccel.ir.plan import Plan
from vitaccel.ir.types import TensorType


def patches(graph: Graph, image: str, side: int) -> str:
    """Cut ``[1, 3, 8, 8]`` into patches by reshapes and a transpose, as einops does."""
    grid = 8 // side
    split = graph.add(Reshape((1, 3, grid, side, grid, side)), [image])
    moved = graph.add(Transpose((0, 2, 4, 3, 5, 1)), [split])
    return graph.add(Reshape((1, grid * grid, side * side * 3)), [moved])


def linear(graph: Graph, x: str, outputs: int) -> str:
    weight = graph.add_const(np.ones((graph[x].type.static_shape[-1], outputs), np.float32), parameter=True)
    return graph.add(Linear(), [x, weight])


def image_graph() -> tuple[Graph, str]:
    graph = Graph("patches")
    return graph, graph.add(Input(), type=TensorType((1, 3, 8, 8)), name="image")


def test_patches_of_the_input_are_an_input(lower: Callable[..., tuple[Plan, Any]], arch: Callable[..., Any]) -> None:
    graph, image = image_graph()
    rows = patches(graph, image, 4)
    ones = [graph.add_const(np.ones(48, np.float32)) for _ in range(2)]
    graph.outputs.append(linear(graph, graph.add(LayerNorm(), [rows, *ones]), 8))
    plan, program = lower(graph, arch("16"))
    assert [kernel.op for kernel in plan.kernels] == ["layernorm", "linear"]
    (name,) = plan.inputs
    tensor = plan.tensors[name]
    assert (tensor.kind, tensor.frames, tensor.tokens, tensor.channels) == ("input", 1, 4, 48)
    assert sum(kernel.macs for kernel in plan.kernels) == 4 * 48 * 8
    assert program.instructions


def test_two_layouts_of_one_input_are_two_inputs(
    lower: Callable[..., tuple[Plan, Any]], arch: Callable[..., Any]
) -> None:
    graph, image = image_graph()
    graph.outputs += [linear(graph, patches(graph, image, side), 8) for side in (2, 4)]
    plan, _ = lower(graph, arch("16"))
    shapes = [(plan.tensors[name].tokens, plan.tensors[name].channels) for name in plan.inputs]
    assert shapes == [(16, 12), (4, 48)]


def test_a_convolution_reads_a_laid_out_input_as_an_image(
    lower: Callable[..., tuple[Plan, Any]], arch: Callable[..., Any]
) -> None:
    graph, image = image_graph()  # LookViT of lucidrains: a 3 x 3 convolution of patches
    rows = patches(graph, image, 2)
    turned = graph.add(Reshape((1, 12, 4, 4)), [graph.add(Transpose((0, 2, 1)), [rows])])
    weight = graph.add_const(np.ones((5, 12, 3, 3), np.float32), parameter=True)
    graph.outputs.append(graph.add(Conv2d(padding=(1, 1, 1, 1)), [turned, weight]))
    plan, _ = lower(graph, arch("16"))
    (kernel,) = plan.kernels
    assert kernel.window is not None
    assert kernel.window.height == 4
    assert [(plan.tensors[n].tokens, plan.tensors[n].channels) for n in plan.inputs] == [(16, 12)]
