"""A router whose matrix a task input selects."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.recognize.moe.task_gate import recognize_task_gates
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Linear, MatMul, Select
from vitaccel.ir.types import TensorType


def test_a_product_by_a_selected_constant_is_a_linear() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((4, 3)), name="x")
    task = graph.add(Input(), type=TensorType((), "i64"), name="task")
    table = graph.add_const(np.ones((2, 3, 5), np.float32), parameter=True)
    gate = graph.add(Select(), [table, task])
    graph.outputs = [graph.add(MatMul(), [x, gate], sources=["gate"])]
    recognize_task_gates(graph)
    node = graph[graph.outputs[0]]
    assert isinstance(node.op, Linear)
    assert node.inputs == (x, gate)
    assert node.sources == {"gate"}


def test_a_product_of_two_activations_stays() -> None:
    graph = Graph("g")
    a = graph.add(Input(), type=TensorType((4, 3)), name="a")
    b = graph.add(Input(), type=TensorType((3, 5)), name="b")
    graph.outputs = [graph.add(MatMul(), [a, b])]
    recognize_task_gates(graph)
    assert isinstance(graph[graph.outputs[0]].op, MatMul)
