"""A view has one spelling, and it has the elements of the chain it replaces."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.backends.float_graph import evaluate
from vitaccel.frontend.recognize.spelling import Speller
from vitaccel.frontend.recognize.view import View, Views
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Broadcast, Input, Reshape, Slice, Transpose
from vitaccel.ir.types import TensorType


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, str]:
    """An input and a chain of views behind it."""
    graph = Graph("chain")
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)))
    name = graph.add(Input(), type=TensorType(shape), name="x")
    for _ in range(draw(st.integers(1, 6))):
        shape = graph[name].type.static_shape
        kind = draw(st.sampled_from(["transpose", "reshape", "slice", "broadcast"]))
        if kind == "transpose":
            name = graph.add(Transpose(tuple(draw(st.permutations(range(len(shape)))))), [name])
        elif kind == "reshape":
            name = graph.add(Reshape(_split(draw, prod(shape))), [name])
        elif kind == "slice":
            axis = draw(st.integers(0, len(shape) - 1))
            start = draw(st.integers(0, shape[axis] - 1))
            name = graph.add(Slice(axis, start, draw(st.integers(start + 1, shape[axis]))), [name])
        elif prod(shape) < 500:
            name = graph.add(Broadcast(tuple(2 if size == 1 else size for size in shape)), [name])
    graph.outputs = [name]
    return graph, name


def _split(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    shape = [1] * draw(st.integers(0, 1))
    while size > 1:
        divisor = draw(st.sampled_from([d for d in range(2, size + 1) if size % d == 0]))
        shape.append(divisor)
        size //= divisor
    return tuple(shape) or (1,)


def run(graph: Graph) -> np.ndarray:
    shape = graph["x"].type.static_shape
    (result,) = evaluate(graph, {"x": np.arange(prod(shape), dtype=np.float32).reshape(shape)})
    return result


@given(graphs())
def test_a_spelled_view_has_the_elements_of_its_chain(chain: tuple[Graph, str]) -> None:
    graph, name = chain
    expected = run(graph)
    view = Views(graph).of(name)
    assert view.shape == expected.shape
    spelled = Speller(graph).spell(view)
    if spelled is not None:
        graph.outputs = [spelled]
        assert np.array_equal(run(graph), expected)


@given(graphs())
def test_a_spelled_view_is_spelled_the_same_again(chain: tuple[Graph, str]) -> None:
    """The spelling is a normal form: views and spelling it once more changes nothing."""
    graph, name = chain
    speller = Speller(graph)
    once = speller.spell(Views(graph).of(name))
    if once is not None:
        assert speller.spell(Views(graph).of(once)) == once


def tokens(graph: Graph) -> str:
    return graph.add(Input(), type=TensorType((2, 5, 12)), name="x")


def spelled(graph: Graph, view: View | None) -> list[str]:
    assert view is not None
    name = Speller(graph).spell(view)
    assert name is not None
    chain = []
    while graph[name].inputs:
        chain.append(f"{graph[name].op.name}{list(graph[name].op.attributes().values())}")
        name = graph[name].inputs[0]
    return chain[::-1]


def test_a_view_that_ends_where_it_began_is_its_base() -> None:
    graph = Graph("g")
    view = Views(graph).of(tokens(graph)).reshape(10, 12)
    assert view is not None
    back = view.transpose(1, 0).transpose(1, 0).reshape(2, 5, 12)
    assert spelled(graph, back) == []


def test_slices_are_cut_from_the_base_along_its_own_axes() -> None:
    graph = Graph("g")
    name = tokens(graph)
    split = graph.add(Reshape((2, 5, 3, 4)), [name])
    part = graph.add(Slice(2, 1, 2), [split])
    view = Views(graph).of(part).reshape(2, 5, 4)
    assert spelled(graph, view) == ["slice[2, 4, 8]"]


def test_a_plain_transpose_is_one_op() -> None:
    graph = Graph("g")
    view = Views(graph).of(tokens(graph)).transpose(0, 2, 1)
    assert spelled(graph, view) == ["transpose[(0, 2, 1)]"]


def test_constants_are_viewed_at_once() -> None:
    graph = Graph("g")
    name = graph.add_const(np.arange(6, dtype=np.float32).reshape(2, 3), parameter=True)
    turned = Speller(graph).spell(Views(graph).of(name).transpose(1, 0))
    assert turned is not None
    assert graph.is_const(turned)
    assert graph[turned].op.parameter  # type: ignore[attr-defined]
    assert np.array_equal(graph.array(turned), np.arange(6).reshape(2, 3).T)
