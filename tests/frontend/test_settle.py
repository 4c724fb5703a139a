from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.settle import settle_constants, settle_formats, settle_values, settle_views
from vitaccel.ir.graph import Graph
from vitaccel.ir.grid import Grid
from vitaccel.ir.ops import Activation, Input, LayerNorm, Linear, Reshape, Select, Slice, Transpose
from vitaccel.ir.types import TensorType


def test_a_view_gives_its_scale_to_the_value() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 2, 6)), name="x")
    value = graph.add(Activation(), [x])
    view = graph.add(Transpose((0, 2, 1, 3)), [graph.add(Reshape((1, 2, 3, 2)), [value])])
    graph.outputs = [view]
    graph.update(view, scale=(0.5,), fmt="int8")
    settle_values(graph)
    assert (graph[value].scale, graph[value].fmt) == ((0.5,), "int8")
    assert all(graph[name].scale == () for name in graph if name != value)


@pytest.mark.parametrize(
    ("array", "steps", "scale"),
    [([[1, 2], [3, 4]], [[1, 3]], None), ([[1, 2], [3, 4]], [[0.5, 1]], (0.5, 1)), ([[1, 2]], [[-0.5]], (0.5,)),
     ([[200, 2]], [[1]], None), ([[1, 2]], [[0, 1]], None), ([[1, 2], [3, 4]], [[1], [0.5]], None)],
)  # fmt: skip
def test_only_what_lies_on_its_grid_has_a_scale(array: object, steps: object, scale: object) -> None:
    graph = Graph("g")
    grid = Grid(np.array(steps, np.float32), 8)
    name = graph.add_const(np.array(array, np.float32), grid=grid)
    x = graph.add(Input(), type=TensorType((1, graph[name].type.static_shape[0])), name="x")
    graph.outputs = [graph.add(Linear(), [x, name])]
    settle_constants(graph)
    assert graph[name].scale == (scale or ())


def test_kernels_that_only_move_elements_have_the_scale_of_what_they_move() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 4, 3)), name="x")
    task = graph.add(Input(), type=TensorType((), "i64"), name="task")
    table = graph.add_const(np.ones((2, 3, 5), np.float32))
    first, second = (graph.add(Slice(1, at, at + 1), [x]) for at in (0, 1))
    row = graph.add(Select(), [table, task])
    graph.update(x, scale=(0.5,), fmt="int8")
    graph.update(table, scale=(1.0, 2.0, 3.0, 4.0, 5.0), fmt="int8")
    graph.outputs = [first, second, row]
    settle_views(graph)
    assert [graph[name].scale for name in (first, second, row)] == [(), (0.5,), (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_a_narrow_copy_that_an_activation_reads_is_its_argument() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 2, 3)), name="x")
    ones = [graph.add_const(np.ones(3, np.float32)) for _ in range(2)]
    norm = graph.add(LayerNorm(), [x, *ones])
    graph.outputs = [graph.add(Activation(), [norm], name="act")]
    graph.update(norm, scale=(0.1,), fmt="int16", narrow_scale=0.5)
    settle_formats(graph)
    assert graph["act"].inner_scale == (0.5,)
    assert graph[norm].narrow_scale == 0
