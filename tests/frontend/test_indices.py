from __future__ import annotations

import onnx
import pytest

from vitaccel.errors import ModelError
from vitaccel.frontend.normalize import normalize

HEAD = '<ir_version: 8, opset_import: ["": 18]> g (float[2,3] x, float[2,2] u) => (float y) '


def of(indices: str, node: str) -> None:
    normalize(onnx.parser.parse_model(f"{HEAD} <{indices}> {{ y = {node} }}"))


@pytest.mark.parametrize(
    ("indices", "node"),
    [
        ("int64[2] i = {LOW, HIGH}", "Gather<axis=1>(x, i)"),
        ("int64[2] i = {LOW, HIGH}", "Gather<axis=-1>(x, i)"),
        ("int64[1,2] i = {1, HIGH}", "GatherND(x, i)"),
        ("int64[2,1] i = {LOW, HIGH}", "GatherND<batch_dims=1>(x, i)"),
        ("int64[2,2] i = {0, 1, LOW, HIGH}", "ScatterElements<axis=1>(x, i, u)"),
        ("int64[2,2] i = {0, HIGH, 0, LOW}", "GatherElements<axis=1>(x, i)"),
    ],
)
def test_constant_indices_must_lie_within(indices: str, node: str) -> None:
    of(indices.replace("LOW", "-3").replace("HIGH", "2"), node)
    for low, high in (("-4", "2"), ("-3", "3")):
        wrong = indices.replace("LOW", low).replace("HIGH", high)
        if wrong == indices.replace("LOW", "-3").replace("HIGH", "2"):
            continue
        with pytest.raises(
            ModelError, match=r"must have indices within f32\[2,3\], but a constant index is out of range$"
        ):
            of(wrong, node)


def test_more_indices_than_axes() -> None:
    with pytest.raises(ModelError, match=r"GatherND node 'GatherND_0' must "):
        of("int64[1,3] i = {0, 0, 0}", "GatherND(x, i)")
