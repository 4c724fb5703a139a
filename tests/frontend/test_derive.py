from __future__ import annotations

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.ir.graph import Graph, is_parameter
from vitaccel.ir.grid import Grid


def test_steps_follow_the_numbers() -> None:
    graph = Graph("g")
    steps = np.array([[1.0, 2.0, 4.0]], np.float32)
    name = graph.add_const(np.ones((2, 3), np.float32), parameter=True, sources=["w"], grid=Grid(steps, 4))
    made = derive(graph, name, lambda a: a.T[1:] * np.float32(2), sources=["scale"])
    grid = graph.grid(made)
    assert grid is not None
    assert (grid.steps.tolist(), grid.bits) == ([[4.0], [8.0]], 4)
    assert is_parameter(graph[made])
    assert graph[made].sources == {"w", "scale"}


def test_a_float_constant_has_no_grid() -> None:
    graph = Graph("g")
    made = derive(graph, graph.add_const(np.ones(2, np.float32)), lambda a: a[:1], parameter=False)
    assert graph.grid(made) is None
    assert not is_parameter(graph[made])
