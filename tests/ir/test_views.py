"""Which values are one tensor on the machine."""

from __future__ import annotations

import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, FromTokens, Input, Op, Reshape, Slice, ToTokens, Transpose
from vitaccel.ir.types import TensorType
from vitaccel.ir.views import Extent, base, extent, is_free_view, is_input_layout, real_users


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 10), Extent(3, 1, 10)), ((2, 7, 5), Extent(2, 7, 5)), ((2, 5, 3, 4), Extent(2, 12, 5))],
)
def test_extent(shape: tuple[int, ...], expected: Extent) -> None:
    assert extent(TensorType(shape)) == expected


@pytest.mark.parametrize("shape", [(3,), (), (1, 2, 3, 4, 5)])
def test_other_ranks_have_no_extent(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedError, match=r"must be \[B, C\], \[B, N, C\] or \[B, C, H, W\]"):
        extent(TensorType(shape))


def one(op: Op, shape: tuple[int, ...]) -> tuple[Graph, str]:
    graph = Graph("one")
    x = graph.add(Input(), type=TensorType(shape), name="x")
    return graph, graph.add(op, [x])


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (ToTokens(), (1, 5, 2, 3)),
        (FromTokens(2, 3), (1, 6, 5)),
        (Reshape((2, 5)), (2, 1, 5)),
        (Reshape((2, 1, 5)), (2, 5)),
        (Reshape((2, 1, 5)), (2, 5, 1, 1)),  # an image of one pixel is one token
        (Reshape((2, 5, 1, 1)), (2, 5)),
        (Slice(1, 0, 1), (2, 9, 5)),
    ],
)
def test_free(op: Op, shape: tuple[int, ...]) -> None:
    assert is_free_view(*one(op, shape))


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Slice(1, 1, 2), (2, 9, 5)),  # token 1 is lane 1: only lane 0 can be read where it stands
        (Slice(1, 8, 9), (2, 9, 5)),
        (Slice(1, 0, 2), (2, 9, 5)),
        (Slice(2, 0, 1), (2, 9, 5)),
        (Slice(1, 0, 1), (2, 9, 5, 5)),
        (Reshape((6, 5)), (2, 3, 5)),  # rows of two frames do not close up by themselves
        (Reshape((3, 2, 5)), (2, 3, 5)),
        (Reshape((2, 5, 3)), (2, 3, 5)),
        (Reshape((2, 15)), (2, 3, 5)),
        (Transpose((0, 2, 1)), (2, 3, 5)),
        (Activation(), (2, 3, 5)),
    ],
)
def test_not_free(op: Op, shape: tuple[int, ...]) -> None:
    assert not is_free_view(*one(op, shape))


def test_base_and_real_users_look_through_chains() -> None:
    graph = Graph("chain")
    x = graph.add(Input(), type=TensorType((2, 5, 3, 3)), name="x")
    tokens = graph.add(ToTokens(), [x])
    first = graph.add(Slice(1, 0, 1), [tokens])
    flat = graph.add(Reshape((2, 5)), [first])
    head = graph.add(Activation(), [flat])
    other = graph.add(Activation(), [tokens])
    assert base(graph, flat) == x
    assert base(graph, head) == head
    assert sorted(real_users(graph, x)) == sorted([head, other])


@pytest.mark.parametrize("op", [Reshape((2, 3, 5, 1)), Transpose((0, 2, 1)), FromTokens(1, 3)])
def test_an_input_laid_out_otherwise(op: Op) -> None:
    graph, name = one(op, (2, 3, 5))
    assert is_input_layout(graph, name)
    assert is_input_layout(graph, graph.add(Transpose(tuple(reversed(range(graph[name].type.rank)))), [name]))
    assert not is_input_layout(graph, "x")
    assert not is_input_layout(graph, graph.add(Transpose((0, 2, 1)), [graph.add(Activation("gelu"), ["x"])]))
    assert not is_input_layout(graph, graph.add(Slice(1, 0, 2), ["x"]))
