from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.normalize import Normalized, normalize
from vitaccel.ir.graph import is_parameter
from vitaccel.ir.ops import Const, Foreign

HEAD = '<ir_version: 8, opset_import: ["": 18]> g '


def of(text: str, **shapes: tuple[int, ...]) -> Normalized:
    return normalize(onnx.parser.parse_model(HEAD + text), input_shapes=shapes)


def kinds(result: Normalized) -> list[str]:
    graph = result.graph
    return [op.op_type for n in graph.topological() if isinstance(op := graph[n].op, Foreign)]


def test_shape_arithmetic_is_folded() -> None:
    result = of(
        """(float[N,3,8,8] x) => (float[N,M] y) {
        s = Shape(x)  zero = Constant<value_int=0>()  n = Gather(s, zero)
        axes = Constant<value_ints=[0]>()  n1 = Unsqueeze(n, axes)
        rest = Constant<value_ints=[-1]>()  t = Concat<axis=0>(n1, rest)  y = Reshape(x, t) }"""
    )
    assert kinds(result) == ["Reshape"]
    assert result.graph[result.graph.outputs[0]].type.shape == (1, 192)
    assert len(result.folded) == 7
    assert [op for _, op in result.nodes][:2] == ["Shape", "Constant"]


def test_slices_of_shapes_and_sizes() -> None:
    result = of("(float[2,3,4] x) => (int64[N] a, int64 b) { a = Shape<start=1, end=-1>(x)  b = Size(x) }")
    values = [result.graph.array(o).tolist() for o in result.graph.outputs]
    assert values == [[3], 24]


def test_what_changes_nothing_is_gone() -> None:
    result = of(
        """(float[2,3] x) => (float[2,3] y) <float zero = {0}, float one = {1}, int64[2] s = {2,3}> {
        a = Identity(x)  b = Dropout(a)  c = Cast<to=10>(b)  d = Cast<to=1>(c)  e = Add(zero, d)  f = Mul(e, one)
        g = Sub(f, zero)  h = Div(g, one)  i = Pow(h, one)  j = Reshape(i, s)  k = Expand(j, s)  y = Relu(k) }"""
    )
    assert kinds(result) == ["Relu"]


def test_broadcasting_by_zero_is_no_identity() -> None:
    result = of("(float[3] x) => (float[2,3] y) <int64[2] s = {2,3}> { z = ConstantOfShape(s)  y = Add(x, z) }")
    assert kinds(result) == ["Add"]


def test_disabled_noise_vanishes() -> None:
    result = of(
        """(float[2,3] x) => (float[2,3] y) <float zero = {0}> {
        n = RandomNormalLike(x)  m = Mul(n, zero)  a = Add(x, m)  y = Relu(a) }"""
    )
    assert kinds(result) == ["Relu"]


def test_learned_zeros_and_ones_stay() -> None:
    result = of(
        """(float[2,3] x) => (float[2,3] y) <float[3] beta = {0,0,0}, float[3] gamma = {1,1,1}> {
        a = Mul(x, gamma)  y = Add(a, beta) }"""
    )
    assert kinds(result) == ["Mul", "Add"]
    assert result.graph.parameters == 6


def test_what_is_a_parameter() -> None:
    result = of(
        """(float[2,3] x) => (float[3,2] y) <float[3,2] w = {1,2,3,4,5,6}, float s = {2}, int64[2] p = {3, 2}> {
        t = Transpose(w)  b = Reshape(t, p)  z = ConstantOfShape(p)  c = Mul(b, s)  d = Sub(c, z)  y = MatMul(d, x) }"""
    )
    graph = result.graph
    learned = [n for n in graph.topological() if is_parameter(graph[n])]
    assert [graph[n].type.shape for n in learned] == [(3, 2)]


def test_a_transposed_weight_is_a_view() -> None:
    model = onnx.parser.parse_model(HEAD + "(float[1,2] x) => (float[1,3] y) { t = Transpose(w)  y = MatMul(x, t) }")
    model.graph.initializer.append(numpy_helper.from_array(np.ones((3, 2), np.float32), "w"))
    graph = normalize(model).graph
    weight = next(graph.array(n) for n in graph if isinstance(graph[n].op, Const))
    assert not weight.flags.owndata
    assert weight.T.flags.c_contiguous


def test_a_repeated_parameter_is_stored_once() -> None:
    result = of(
        """(float[N,2,2] x) => (float[N,3,2] y) <float[1,1,2] cls = {5,6}, int64[3] s = {4,1,2}> {
        c = Expand(cls, s)  y = Concat<axis=1>(c, x) }""",
        x=(4, 2, 2),
    )
    assert kinds(result) == ["Expand", "Concat"]
    assert result.graph.parameters == 2


def test_a_parameter_written_once_for_each_image_is_stored_once() -> None:
    result = of(
        """(float[4,2,2] x) => (float[4,3,2] y) <float[4,1,2] cls = {5,6,5,6,5,6,5,6}> { y = Concat<axis=1>(cls, x) }"""
    )
    assert result.graph.parameters == 2
    assert "broadcast(const f32[1,1,2]) shape=4x1x2" in str(result.graph)
    other = of("""(float[2,2,2] x) => (float[2,3,2] y) <float[2,1,2] cls = {5,6,5,7}> { y = Concat<axis=1>(cls, x) }""")
    assert other.graph.parameters == 4


def test_dimensions_that_depend_on_data_are_unknown() -> None:
    result = of("(float[2,3] x) => (int64[2,M] y) { y = NonZero(x) }")
    assert result.graph[result.graph.outputs[0]].type.shape == (2, None)


def test_a_huge_constant_is_not_made() -> None:
    with pytest.raises(ModelError, match=r"^ConstantOfShape node 'ConstantOfShape_0' must not make a constant of more"):
        of("() => (float[N] y) <int64[2] s = {1000000, 1000000}> { y = ConstantOfShape(s) }")


def test_sparse_weights_are_refused() -> None:
    model = onnx.parser.parse_model(HEAD + "(float[2] x) => (float[2] y) { y = Relu(x) }")
    model.graph.sparse_initializer.add()
    with pytest.raises(UnsupportedError, match=r"^initializers must be dense, not sparse$"):
        normalize(model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "(float[2] x) => (float[2] y) { y = Add(x, nothing) }",
            r"^the value 'nothing' read by Add node 'Add_0' must be",
        ),
        (
            "(float[2] x) => (float[2] z) { y = Relu(x) }",
            r"^the value 'z' read by the list of outputs must be an input",
        ),
        ("(float[2] x) => () { y = Relu(x) }", r"^the model must have an output$"),
        ("(float[2] x) => (float[2] y) { x = Relu(x) }", r"must not read each other in a cycle"),
        (
            "(float[2] x, float[2] z) => (float[2] x) { x = Relu(z) }",
            r"must define a new value, but 'x' is defined already$",
        ),
        (
            "(float[2] x) => (float[2] y) <float[2] w = {1,2}, float[2] w = {1,2}> { y = Add(x,w) }",
            r"'w' must have a name of",
        ),
        ("(float[2,3] x) => (float[2] y) { y = MatMul(x, x) }", r"^MatMul node 'MatMul_0' must be valid ONNX, but"),
        ("() => (float[2] y) { y = Constant<value_int=1, value_float=2.0>() }", r"must "),
    ],
)
def test_models_that_break_a_rule(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        of(text)
