from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model

HEAD = '<ir_version: 8, opset_import: ["": 18]> g '


def saved(tmp_path: Path, text: str) -> Path:
    onnx.save(onnx.parser.parse_model(HEAD + text), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_every_node_of_the_file_has_a_fate(tmp_path: Path) -> None:
    text = """(float[1,2,3] x) => (float[1,2,3] y) <float[3,3] w = {1,2,3,4,5,6,7,8,9}, float[3] b = {1,2,3}> {
        s = Shape(x)  h = MatMul(x, w)  unused = Tanh(h)  i = Identity(h)  a = Add(b, i)
        r = Reshape(a, s)  y = Relu(r) }"""
    found = {fate.op_type: fate.fate for fate in import_model(saved(tmp_path, text)).coverage}
    linear = "%0 = linear(x, const f32[3,3], const f32[3]) : f32[1,2,3]  # 18 MACs"
    assert found == {
        "Shape": "folded",
        "MatMul": linear,
        "Tanh": "not needed",
        "Identity": "folded",
        "Add": linear,
        "Reshape": "folded",
        "Relu": "%1 = activation(%0) kind=relu : f32[1,2,3]",
    }


LEFT = "(float[1,2,3] x) => (float[1,2,3] y) { a = Relu(x)  b = Celu(a)  y = Tanh(b) }"


def test_what_has_no_mapping_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"^Celu node 'Celu_1' must have a mapping; supported are convolutions,"):
        import_model(saved(tmp_path, LEFT))


def test_what_has_no_mapping_may_stay(tmp_path: Path) -> None:
    model = import_model(saved(tmp_path, LEFT), keep_unsupported=True)
    assert [fate.is_supported for fate in model.coverage] == [True, False, True]
    assert model.coverage[1].fate.startswith("unsupported: Celu node 'Celu_1' must have a mapping; supported are")
    assert "onnx.Celu" in str(model.graph)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "y, t, u = DynamicQuantizeLinear(x)",
            r"^DynamicQuantizeLinear node 'DynamicQuantizeLinear_0' must not be in the model: give the model in QDQ",
        ),
        ("y = NonZero(x)", r"^NonZero node 'NonZero_0' must be part of a mixture of experts that is recognised$"),
        ("y = Div(x, z)", r"^Div node 'Div_0' must divide by numbers that are not 0$"),
    ],
)
def test_the_reason_says_what_to_do(tmp_path: Path, body: str, message: str) -> None:
    text = f"(float[1,2,3] x) => (float y) <float s = {{2}}, float[3] z = {{1,0,2}}> {{ {body} }}"
    with pytest.raises(UnsupportedError, match=message):
        import_model(saved(tmp_path, text))
