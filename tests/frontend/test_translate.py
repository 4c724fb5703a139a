from __future__ import annotations

import onnx
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.normalize import normalize
from vitaccel.frontend.translate import RULES, translate
from vitaccel.ir.graph import Graph

HEAD = '<ir_version: 8, opset_import: ["": 18]> g '


def of(text: str) -> tuple[Graph, dict[str, str]]:
    graph = normalize(onnx.parser.parse_model(HEAD + text)).graph
    return graph, translate(graph).refused


def test_equal_fresh_parameters_that_the_exporter_merged_count_for_each_layer() -> None:
    graph, _ = of(
        """(float[2,3] x) => (float[2,3] y) <float[3] ones = {1,1,1}, float[3] zeros = {0,0,0}> {
        a = LayerNormalization(x, ones, zeros)  b = Relu(a)  y = LayerNormalization(b, ones, zeros) }"""
    )
    assert graph.parameters == 12


def test_a_learned_parameter_used_twice_counts_once() -> None:
    graph, _ = of(
        """(float[2,3] x) => (float[2,3] y) <float[3] g = {1,2,1}, float[3] b = {0,0,5}> {
        a = LayerNormalization(x, g, b)  c = Relu(a)  y = LayerNormalization(c, g, b) }"""
    )
    assert graph.parameters == 6


def test_sources_name_the_nodes_that_an_operation_stands_for() -> None:
    graph, _ = of(
        """(float[2,3] x) => (float[2,3] y) <float[3,3] w = {1,2,3,4,5,6,7,8,9}, float[3] b = {1,2,3}> {
        h = MatMul(x, w)  y = Add(b, h) }"""
    )
    assert graph[graph.outputs[0]].sources == {"MatMul_0", "Add_1"}


def test_values_of_unknown_size_and_integers_are_left() -> None:
    graph, refused = of(
        """(float[2,3] x, int64[2] i) => (float[N,M] y, int64[2] j) {
        n = NonZero(x)  f = Cast<to=1>(n)  y = Relu(f)  j = Add(i, i) }"""
    )
    assert refused == {}
    assert "onnx.Relu" in str(graph)
    assert "onnx.Add" in str(graph)


def test_a_refusal_names_its_node() -> None:
    graph, refused = of(
        "(float[1,1,9] x) => (float[1,1,7] y) <float[1,1,3] w = {1,2,3}> { y = Conv(x, w) }",
    )
    assert refused == {graph.outputs[0]: "be 2-D, not 1-D"}


def test_a_value_without_elements_is_refused() -> None:
    with pytest.raises(
        UnsupportedError, match=r"^the value of node 'Slice_0' must have elements, but its type is f32\[0,3"
    ):
        of("(float[2,3] x) => (float[N,3] y) <int64[1] a = {1}> { s = Slice(x, a, a)  y = Relu(s) }")


def test_no_operator_is_in_two_families() -> None:
    from vitaccel.frontend.operators import einsum, elementwise, matrix, rows, views, windows

    assert len(RULES) == sum(len(m.RULES) for m in (einsum, elementwise, matrix, rows, views, windows))
