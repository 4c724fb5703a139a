from __future__ import annotations

import onnx
import pytest

from vitaccel.errors import ModelError
from vitaccel.frontend.normalize import normalize

HEAD = '<ir_version: 8, opset_import: ["": 18]> g (float[2,3] x, int64[2,1] i) => (float y) <float[3] w = {1,2,3}> '


def of(node: str) -> None:
    normalize(onnx.parser.parse_model(f"{HEAD} {{ y = {node} }}"))


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        ("Softmax<axis=A>(x)", (-2, 1), (-3, 2, 2**63 - 1)),
        ("Flatten<axis=A>(x)", (-2, 2), (-4, 3)),
        ("LayerNormalization<axis=A>(x, w)", (-1, 1), (-(2**63), 2**63 - 1)),
        ("GatherND<batch_dims=A>(x, i)", (0, 1), (-1, -(2**31), 2)),
    ],
)
def test_axes_must_exist(node: str, good: tuple[int, ...], bad: tuple[int, ...]) -> None:
    for axis in good:
        of(node.replace("A>", f"{axis}>"))
    for axis in bad:
        with pytest.raises(ModelError, match=rf"must have (an axis of f32\[2,3\]|batch_dims of 0 to 1), not {axis}$"):
            of(node.replace("A>", f"{axis}>"))


def test_a_split_must_have_the_outputs_it_says() -> None:
    text = '<ir_version: 8, opset_import: ["": 18]> g (float[3] x) => (float a) { a, b = Split<num_outputs=N>(x) }'
    normalize(onnx.parser.parse_model(text.replace("N", "2")))
    for wrong in ("1", "3", "-1"):
        with pytest.raises(ModelError, match=rf"must have {wrong} outputs as it says, not 2$"):
            normalize(onnx.parser.parse_model(text.replace("N", wrong)))


def test_a_scalar_has_no_axis() -> None:
    text = '<ir_version: 8, opset_import: ["": 18]> g (float x) => (float y) { y = Softmax<axis=0>(x) }'
    with pytest.raises(ModelError, match=r"must have an axis of f32\[\], not 0$"):
        normalize(onnx.parser.parse_model(text))
