from __future__ import annotations

import onnx
import pytest

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.shapes import input_types


def model(inputs: str) -> onnx.ModelProto:
    text = (
        f'<ir_version: 8, opset_import: ["": 18]> g ({inputs}) => (float[1] y) {{ y = Constant<value_float = 1.0>() }}'
    )
    return onnx.parser.parse_model(text)


def shapes(inputs: str, **given: tuple[int, ...]) -> dict[str, tuple[int | None, ...]]:
    named = {"" if name == "_" else name: shape for name, shape in given.items()}
    return {name: type_.shape for name, type_ in input_types(model(inputs), named).items()}


def test_a_static_shape_stays() -> None:
    assert shapes("float[2,3,8,8] x") == {"x": (2, 3, 8, 8)}


def test_an_open_batch_is_one() -> None:
    assert shapes("float[batch,3,8,8] x, float[batch,4] m") == {"x": (1, 3, 8, 8), "m": (1, 4)}


def test_a_given_shape() -> None:
    assert shapes("float[N,3,H,W] x", x=(2, 3, 32, 48)) == {"x": (2, 3, 32, 48)}


def test_a_shape_without_a_name_means_the_only_input_or_the_image() -> None:
    assert shapes("float[N,3] x", _=(2, 3)) == {"x": (2, 3)}
    assert shapes("float[N,3,H,W] x, int64 task", _=(2, 3, 4, 5)) == {"x": (2, 3, 4, 5), "task": ()}
    with pytest.raises(ModelError, match=r"must name its input, one of x, m: name=1x3x224x224$"):
        shapes("float[N,3] x, float[N,4] m", _=(2, 3))


def test_a_symbol_given_once_holds_everywhere() -> None:
    assert shapes("float[N,3,H,W] x, float[N,H] m", x=(2, 3, 4, 5)) == {"x": (2, 3, 4, 5), "m": (2, 4)}
    assert shapes("float[N,H] m, float[N,3,H,W] x", x=(2, 3, 4, 5))["m"] == (2, 4)


def test_the_weights_are_no_inputs() -> None:
    stored = model("float[1] x, float[1] w")
    stored.graph.initializer.add(name="w", data_type=1, dims=[1], float_data=[1])
    assert list(input_types(stored)) == ["x"]


@pytest.mark.parametrize(
    ("inputs", "given", "message"),
    [
        ("float[N,3,H,8] x", {}, r"axis 2 \(H\) of input 'x' must be known, as in --input-shape x=1x3x224x8$"),
        ("float[N,C] x", {}, r"axis 1 \(C\) of input 'x' must be known, as in --input-shape x=1x1$"),
        ("float[] x", {}, r"the shape of input 'x' must be given, as in --input-shape x=1x3x224x224$"),
        ("float[1,3,8,8] x", {"x": (1, 4, 8, 8)}, "axis 1 of input 'x' must be 3 as exported, not 4$"),
        ("float[1,3,8,8] x", {"x": (3, 8, 8)}, "the shape of input 'x' must have 4 dimensions, not 3x8x8$"),
        ("float[N,3] image", {"imge": (1, 3)}, r"input of the model \(image\), not 'imge' \(did you mean 'image'\?\)$"),
        ("float[N,3] x", {"x": (0, 3)}, "must have dimensions of at least 1, not 0x3$"),
        ("float[0,3] x", {}, "axis 0 of input 'x' must be known"),
        ("float[N] x, float[N] m", {"x": (2,), "m": (3,)}, "axis 0 of input 'm' must be 2 as exported, not 3$"),
        ("float[N] x, float[N] x", {}, "input 'x' must have a name of its own$"),
    ],
)
def test_shapes_that_cannot_be(inputs: str, given: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        shapes(inputs, **given)


def test_names_that_the_graph_could_not_print() -> None:
    for name in ("", "%0", "two\nlines"):
        stored = model("float[1] x")
        stored.graph.input[0].name = name
        with pytest.raises(ModelError, match=r"must be printable and not begin with %, not"):
            input_types(stored)


def test_inputs_that_are_no_tensors_of_numbers() -> None:
    with pytest.raises(UnsupportedError, match=r"input 'x' must be a tensor$"):
        shapes("seq(float[1]) x")
    with pytest.raises(UnsupportedError, match=r"input 'x' must be float, .* not of type STRING$"):
        shapes("string[1] x")
    with pytest.raises(UnsupportedError, match=r"input 'x' must have at most"):
        shapes("float[100000,100000] x")
