"""The text of a Graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Conv2d, Foreign, Input, Linear, ToTokens
from vitaccel.ir.printer import print_graph
from vitaccel.ir.types import TensorType


def example() -> Graph:
    graph = Graph("example")
    image = graph.add(Input(), type=TensorType((1, 3, 8, 8)), name="image")
    graph.add(Input(), type=TensorType((), "i64"), name="task")
    kernel = graph.add_const(np.ones((6, 3, 4, 4), np.float32), parameter=True)
    patch = graph.add(Conv2d((4, 4)), (image, kernel), label="embed.patch")
    tokens = graph.add(ToTokens(), [patch])
    fc = graph.add(Linear(), (tokens, graph.add_const(np.ones((6, 6), np.float32))))
    active = graph.add(Activation("silu"), [fc])
    unknown = graph.add(Foreign("Mystery", origin="node7"), [active], type=TensorType((1, None, 6)))
    half = graph.add_const(np.float32(0.5))
    total = graph.add(Add(), (active, half))
    for node, kernel_ in ((fc, fc), (active, fc)):
        graph.update(node, kernel=kernel_)
    graph.update(fc, label="fc", fmt="int8")
    graph.outputs = [total, unknown]
    return graph


def test_the_text_is_golden(golden: Callable[[str, str], None]) -> None:
    golden("ir/example.graph.txt", print_graph(example()))


def test_the_text_is_what_str_gives_and_shows_no_values() -> None:
    graph = example()
    assert str(graph) == print_graph(graph)
    other = example()
    array = next(n for n in other if other.is_const(n))
    other._arrays[array] = np.zeros_like(other.array(array))
    assert str(other) == str(graph)


def test_a_constant_output_is_shown() -> None:
    graph = Graph("constant")
    graph.outputs = [graph.add_const(np.zeros(3, np.float32))]
    assert str(graph) == "graph constant\n  return const f32[3]\n"
