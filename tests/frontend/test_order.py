from __future__ import annotations

import random

import onnx
import pytest
from onnx import helper

from vitaccel.errors import ModelError
from vitaccel.frontend.order import sorted_nodes


def graph(*edges: tuple[str, str]) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Relu", [a], [b], name=b) for a, b in edges], "g", [], [])


def test_a_sorted_file_stays_as_it_is() -> None:
    body = graph(("x", "a"), ("x", "b"), ("a", "c"))
    assert [n.name for n in sorted_nodes(body)] == ["a", "b", "c"]


def test_a_shuffled_chain_is_sorted(seed: int) -> None:
    edges = [(f"v{i}", f"v{i + 1}") for i in range(2000)]
    shuffled = random.Random(seed).sample(edges, len(edges))
    assert [n.name for n in sorted_nodes(graph(*shuffled))] == [b for _, b in edges]


@pytest.mark.parametrize(
    "edges", [[("a", "a")], [("a", "b"), ("b", "a")], [("x", "w"), ("c", "a"), ("a", "b"), ("b", "c")]]
)
def test_cycles(edges: list[tuple[str, str]]) -> None:
    with pytest.raises(ModelError, match=r"nodes must not read each other in a cycle, as Relu node '[abc]' does$"):
        sorted_nodes(graph(*edges))


def test_a_value_defined_twice() -> None:
    with pytest.raises(ModelError, match=r"the value 'a' must be defined by one node, not by two$"):
        sorted_nodes(graph(("x", "a"), ("y", "a")))


def test_what_a_branch_reads_comes_first() -> None:
    branch = helper.make_graph([helper.make_node("Relu", ["late"], ["r"])], "b", [], [])
    chosen = helper.make_node("If", ["c"], ["y"], name="if", then_branch=branch, else_branch=branch)
    body = helper.make_graph([chosen, helper.make_node("Neg", ["x"], ["late"], name="late")], "g", [], [])
    assert [n.name for n in sorted_nodes(body)] == ["late", "if"]
