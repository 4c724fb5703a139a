from __future__ import annotations

import pytest

from vitaccel.frontend.qdq.marks import put_scale
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input
from vitaccel.ir.types import TensorType


@pytest.mark.parametrize(
    ("marks", "kept", "lost"),
    [
        ([(0.5, "int8")], ((0.5,), "int8", 0.0), False),
        ([(0.5, "int8"), (0.5, "int8")], ((0.5,), "int8", 0.0), False),
        ([(0.5, "int8"), (0.7, "int8")], ((0.7,), "int8", 0.0), True),
        ([(0.7, "int8"), (0.5, "int8")], ((0.7,), "int8", 0.0), True),
        ([(0.1, "int16"), (0.5, "int8")], ((0.1,), "int16", 0.5), False),
        ([(0.5, "int8"), (0.1, "int16")], ((0.1,), "int16", 0.5), False),
        ([(0.1, "int16"), (0.5, "int8"), (0.5, "int8")], ((0.1,), "int16", 0.5), False),
        ([(0.1, "int16"), (0.5, "int8"), (0.6, "int8")], ((0.1,), "int16", 0.6), True),
    ],
)
def test_widest_first_and_both_widths(marks: list[tuple[float, str]], kept: object, lost: bool) -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 2)), name="x")
    results = [put_scale(graph, x, (scale,), fmt) for scale, fmt in marks]
    assert (graph[x].scale, graph[x].fmt, graph[x].narrow_scale) == kept
    assert results[-1] is lost
