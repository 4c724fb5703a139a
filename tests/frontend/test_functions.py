from __future__ import annotations

import onnx
import pytest

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.functions import NODE_LIMIT, expanded_size, inline_functions

HEAD = '<ir_version: 8, opset_import: ["": 18, "mine": 1]> g (float[2] x) => (float[2] y) {{ y = mine.f{last}(x) }}'


def model(*bodies: str) -> onnx.ModelProto:
    """Functions f0, f1, ... of one input a and one output c; the graph calls the last."""
    functions = (
        f'<domain: "mine", opset_import: ["": 18, "mine": 1]> f{i} (a) => (c) {{ {b} }}' for i, b in enumerate(bodies)
    )
    return onnx.parser.parse_model(" ".join([HEAD.format(last=len(bodies) - 1), *functions]))


def test_functions_within_functions_are_inlined() -> None:
    nested = model("b = Relu(a)  c = Tanh(b)", "b = mine.f0(a)  c = mine.f0(b)")
    assert expanded_size(nested) == 4
    assert [n.op_type for n in inline_functions(nested).graph.node] == ["Relu", "Tanh", "Relu", "Tanh"]


def test_a_model_without_functions_stays_as_it_is() -> None:
    text = '<ir_version: 8, opset_import: ["": 18]> g (float[2] x) => (float[2] y) { y = Relu(x) }'
    plain = onnx.parser.parse_model(text)
    assert inline_functions(plain) is plain


def test_functions_that_grow_exponentially_are_refused_at_once() -> None:
    laughs = model("c = Relu(a)", *(f"b = mine.f{i}(a)  c = mine.f{i}(b)" for i in range(64)))
    assert expanded_size(laughs) == 2**64
    with pytest.raises(UnsupportedError, match=rf"^the model must have at most {NODE_LIMIT} nodes, not {2**64}$"):
        inline_functions(laughs)


@pytest.mark.parametrize("bodies", [["c = mine.f0(a)"], ["c = mine.f1(a)", "c = mine.f0(a)"]])
def test_recursion_is_an_error(bodies: list[str]) -> None:
    with pytest.raises(ModelError, match=r"^function 'f[01]' of the model must not call itself$"):
        inline_functions(model(*bodies))
