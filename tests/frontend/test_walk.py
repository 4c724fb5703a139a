from __future__ import annotations

import onnx
import pytest
from onnx import helper

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.normalize import Normalized, normalize
from vitaccel.ir.ops import Foreign

HEAD = '<ir_version: 8, opset_import: ["": 18]> g '


def of(text: str, **shapes: tuple[int, ...]) -> Normalized:
    return normalize(onnx.parser.parse_model(HEAD + text), input_shapes=shapes)


def kinds(result: Normalized) -> list[str]:
    graph = result.graph
    return [op.op_type for n in graph.topological() if isinstance(op := graph[n].op, Foreign)]


@pytest.mark.parametrize(("condition", "kept"), [(1, "Relu"), (0, "Tanh")])
def test_a_constant_condition_chooses_a_branch(condition: int, kept: str) -> None:
    result = of(
        f"""(float[2] x) => (float[2] y) <bool c = {{{condition}}}> {{
        y = If (c) <then_branch = t () => (float[2] a) {{ a = Relu(x) }},
                    else_branch = e () => (float[2] a) {{ h = Neg(x)  a = Tanh(h) }}> }}"""
    )
    assert kinds(result)[-1] == kept


NEGATED = "e () => (float[2] a) { a = Neg(x) }"


def test_branches_may_reuse_names_and_nest() -> None:
    inner = f"b = If (c) <then_branch = u () => (float[2] a) {{ a = Tanh(p) }}, else_branch = {NEGATED}>"
    result = of(
        f"""(float[2] x) => (float[2] y) <bool c = {{1}}> {{
        p = If (c) <then_branch = t () => (float[2] a) {{ a = Relu(x) }}, else_branch = {NEGATED}>
        y = If (c) <then_branch = t () => (float[2] b) {{ {inner} }}, else_branch = {NEGATED}> }}"""
    )
    assert kinds(result) == ["Relu", "Tanh"]


def test_other_control_flow_is_refused() -> None:
    branches = f"<then_branch = t () => (float[2] a) {{ a = Relu(x) }}, else_branch = {NEGATED}>"
    with pytest.raises(
        UnsupportedError, match=r"^If node 'If_0' must not be in the model: its condition must be a con"
    ):
        of(f"(float[2] x, bool c) => (float[2] y) {{ y = If (c) {branches} }}")
    body = "b (int64 i, bool d, float[2] a) => (bool d, float[2] e) { e = Relu(a) }"
    with pytest.raises(
        UnsupportedError, match=r"^Loop node 'Loop_0' must not be in the model: export the loop unrolled"
    ):
        of(f"(float[2] x, int64 n, bool c) => (float[2] y) {{ y = Loop (n, c, x) <body = {body}> }}")


def test_nodes_without_a_name_or_with_the_same_name_get_their_own() -> None:
    nodes = [
        helper.make_node("Relu", [a], [b], name=n) for a, b, n in (("x", "a", "n"), ("a", "b", "n"), ("b", "y", ""))
    ]
    info = [helper.make_tensor_value_info(n, 1, [2]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    assert [n for n, _ in normalize(model).nodes] == ["n", "n#1", "Relu_2"]


def test_numbers_that_constants_do_not_give() -> None:
    text = "(float[2] x) => (float[2] y) <float[2] w = {-1, 4}, float half = {0.5}> { s = Pow(w, half)  y = Add(x, s) }"
    with pytest.raises(
        ModelError, match=r"^Pow node 'Pow_0' must compute finite numbers from its constant inputs, not"
    ):
        of(text)


def test_a_cast_like_needs_only_an_element_type() -> None:
    result = of("(float[2] x) => (float[2] y) <int64[2] n = {3, 4}> { c = CastLike(n, x) y = Add(x, c) }")
    (total,) = (n for n in result.graph.topological() if n in result.graph.outputs)
    (constant,) = (i for i in result.graph[total].inputs if result.graph.is_const(i))
    assert result.graph.array(constant).tolist() == [3.0, 4.0]
    assert str(result.graph[constant].type) == "f32[2]"
    assert kinds(of("(float[2] x) => (float[2] y) { c = CastLike(x, x) y = Relu(c) }")) == ["Relu"]
