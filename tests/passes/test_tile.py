"""Which nodes become kernels, and in which forms their values are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.passes.conftest import MICRO
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Conv2d, Input, LayerNorm, Linear, Reshape, Select, Transpose
from vitaccel.ir.plan import Plan, kernel_writes
from vitaccel.ir.types import TensorType
from vitaccel.ir.views import is_free_view
from vitaccel.passes.tile import Tile


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


@pytest.mark.parametrize("model", MICRO)
@pytest.mark.parametrize("pe", ["64", "3x8x8"])
def test_every_node_is_in_one_kernel_and_no_mac_is_lost(
    model: str, pe: str, prepared: Callable[[str], Graph], arch: Callable[..., Any]
) -> None:
    graph = prepared(model)
    plan = Tile(arch=arch(pe)).run(graph)
    own = [kernel.node for kernel in plan.kernels if kernel.op not in ("convert", "head_mean")]
    assert len(own) == len(set(own))
    working = {n for n in graph.topological() if not isinstance(graph[n].op, Const | Input | Select)}
    working -= {n for n in working if is_free_view(graph, n)}
    assert {graph[name].kernel for name in working} == set(own)
    assert sum(kernel.macs for kernel in plan.kernels) == graph.total_macs
    for kernel in plan.kernels:
        assert kernel.label.startswith(graph[kernel.node].label)


@pytest.mark.parametrize("model", MICRO)
def test_a_value_is_converted_only_to_a_form_that_is_read(
    model: str, prepared: Callable[[str], Graph], arch: Callable[..., Any]
) -> None:
    plan = Tile(arch=arch()).run(prepared(model))
    read = {name for kernel in plan.kernels for name in kernel.reads}
    written = {name for kernel in plan.kernels for name in kernel_writes(kernel)}
    forms = {(t.element_bytes, t.layout) for t in plan.tensors.values()}
    assert len(forms) > 1
    for kernel in plan.kernels:
        assert kernel.out in read or kernel.out in plan.outputs
        if kernel.op == "convert":
            before, after = plan.tensors[kernel.reads[0]], plan.tensors[kernel.out]
            assert (before.element_bytes, before.layout) != (after.element_bytes, after.layout)
            assert (before.frames, before.tokens, before.channels) == (after.frames, after.tokens, after.channels)
    assert all(t.kind in ("input", "constant") for n, t in plan.tensors.items() if n not in written)


@pytest.mark.parametrize("model", MICRO)
def test_widths_are_the_formats_of_the_graph(
    model: str, prepared: Callable[[str], Graph], arch: Callable[..., Any]
) -> None:
    graph = prepared(model)
    plan = Tile(arch=arch()).run(graph)
    widths = {"int8": 1, "int16": 2}
    for name in graph.topological():
        if name in plan.tensors and plan.tensors[name].kind in ("activation", "output") and graph[name].fmt in widths:
            assert plan.tensors[name].element_bytes == widths[graph[name].fmt], name


def test_the_plan_is_golden(
    prepared: Callable[[str], Graph], arch: Callable[..., Any], golden: Callable[[str, str], None]
) -> None:
    for model in ("lookupvit", "m3vit"):
        golden(f"passes/{model}.tile.txt", str(Tile(arch=arch()).run(prepared(model))))
