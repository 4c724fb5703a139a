"""Views that do nothing disappear, and what the Graph computes stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Broadcast, Concat, Input, Op, Reshape, Slice, Transpose
from vitaccel.ir.types import TensorType
from vitaccel.passes.canonicalize import Canonicalize


def graph_of(*ops: Op, shape: tuple[int, ...] = (2, 3, 4)) -> Graph:
    graph = Graph("net")
    value = graph.add(Input(), type=TensorType(shape), name="x")
    for op in ops:
        value = graph.add(op, [value])
    graph.outputs = [value]
    return graph


def kinds(graph: Graph) -> list[str]:
    return [graph[n].op.name for n in graph.topological() if not isinstance(graph[n].op, Input)]


@pytest.mark.parametrize(
    "view",
    [Reshape((2, 3, 4)), Transpose((0, 1, 2)), Broadcast((2, 3, 4)), Slice(1, 0, 3), Concat(1)],
    ids=lambda op: op.name,
)
def test_a_view_that_changes_nothing_goes(view: Op) -> None:
    assert kinds(Canonicalize().run(graph_of(Activation("relu"), view, Activation("silu")))) == ["activation"] * 2


@pytest.mark.parametrize("view", [Transpose((0, 2, 1)), Slice(1, 0, 2), Reshape((6, 4))], ids=lambda op: op.name)
def test_a_view_that_changes_something_stays(view: Op) -> None:
    assert kinds(Canonicalize().run(graph_of(view))) == [view.name]


def test_a_transpose_that_keeps_the_shape_is_not_nothing() -> None:
    assert kinds(Canonicalize().run(graph_of(Transpose((1, 0, 2)), shape=(3, 3, 4)))) == ["transpose"]


def test_reshapes_in_a_row_become_one() -> None:
    simple = Canonicalize().run(graph_of(Reshape((6, 4)), Reshape((24,)), Reshape((4, 6))))
    assert kinds(simple) == ["reshape"]
    assert simple[simple.outputs[0]].op == Reshape((4, 6))


def test_reshapes_that_cancel_vanish_with_their_sources_kept() -> None:
    graph = graph_of(Activation("relu"))
    there = graph.add(Reshape((6, 4)), graph.outputs, sources=["there"])
    graph.outputs = [graph.add(Reshape((2, 3, 4)), [there], sources=["back"])]
    simple = Canonicalize().run(graph)
    assert kinds(simple) == ["activation"]
    assert simple[simple.outputs[0]].sources == {"there", "back"}


def test_an_input_returned_as_it_is_stays_legal() -> None:
    simple = Canonicalize().run(graph_of(Reshape((2, 3, 4))))
    assert simple.outputs == ["x"]


def test_running_twice_changes_nothing(graph_of: Callable[[str], Graph]) -> None:
    once = Canonicalize().run(graph_of("lookupvit"))
    assert str(Canonicalize().run(once)) == str(once)


def test_the_meaning_stays() -> None:
    graph = graph_of(Reshape((6, 4)), Transpose((1, 0)), Reshape((4, 6)), Reshape((2, 12)), Broadcast((2, 12)))
    feeds = {"x": np.arange(24, dtype=np.float32).reshape(2, 3, 4)}
    before, after = (evaluate(each, feeds)[0] for each in (graph, Canonicalize().run(graph)))
    np.testing.assert_array_equal(before, after)
