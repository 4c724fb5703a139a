from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import onnx
import pytest

from vitaccel.frontend.normalize import normalize
from vitaccel.frontend.translate import translate

Agrees = Callable[..., list[str]]


@pytest.fixture
def weight(seed: int) -> Callable[..., np.ndarray]:
    rng = np.random.default_rng(seed + 1)
    return lambda *shape: rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 3]},
        {"pads": [1, 0, 2, 1]},
        {"dilations": [2, 1], "pads": [1, 1, 1, 1]},
        {"auto_pad": "VALID"},
        *({"auto_pad": pad, "strides": [2, s]} for pad, s in product(["SAME_UPPER", "SAME_LOWER"], [1, 3])),
    ],
)
def test_convolutions(agrees: Agrees, weight: Agrees, attributes: dict) -> None:
    assert agrees("Conv", (2, 4, 7, 8), weight(6, 4, 3, 2), weight(6), **attributes) == ["conv2d"]


def test_grouped_and_depthwise_convolutions(agrees: Agrees, weight: Agrees) -> None:
    assert agrees("Conv", (1, 4, 5, 5), weight(6, 2, 3, 3), group=2) == ["conv2d"]
    assert agrees("Conv", (1, 4, 5, 5), weight(4, 1, 3, 3), group=4) == ["conv2d"]


def test_other_dimensions_and_computed_weights_are_refused(refusal: Callable[..., str], weight: Agrees) -> None:
    assert refusal("Conv", (1, 4, 9), weight(6, 4, 3)) == "be 2-D, not 1-D"
    assert refusal("Conv", (1, 4, 9, 9, 9), weight(6, 4, 3, 3, 3)) == "be 2-D, not 3-D"
    assert refusal("Conv", (1, 4, 9, 9), (6, 4, 3, 3)) == "have constant weights"


POOLS = [
    {},
    {"strides": [2, 2]},
    {"strides": [2, 1], "pads": [1, 0, 1, 1]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
]


@pytest.mark.parametrize("attributes", POOLS)
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_pooling(agrees: Agrees, op: str, attributes: dict) -> None:
    assert agrees(op, (1, 2, 7, 8), kernel_shape=[3, 2], **attributes) == ["pool2d"]


def test_an_average_over_the_padding_too(agrees: Agrees) -> None:
    assert agrees("AveragePool", (1, 2, 7, 8), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1) == [
        "pool2d"
    ]


def test_windows_beyond_the_image_are_refused(agrees: Agrees, refusal: Callable[..., str]) -> None:
    how = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}
    assert "ceil_mode" in refusal("MaxPool", (1, 2, 7, 7), **how)
    assert agrees("MaxPool", (1, 2, 8, 8), **how) == ["pool2d"]


@pytest.mark.parametrize("sizes", [[1, 2, 6, 9], [1, 2, 2, 3]])
@pytest.mark.parametrize(
    ("mode", "coordinates", "rounding"),
    [
        *(("linear", c, "floor") for c in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")),
        *(("nearest", c, "round_prefer_floor") for c in ("half_pixel", "align_corners", "pytorch_half_pixel")),
        ("nearest", "asymmetric", "floor"),
    ],
)
def test_resizing(agrees: Agrees, mode: str, coordinates: str, rounding: str, sizes: list[int]) -> None:
    how = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": rounding}
    assert agrees("Resize", (1, 2, 3, 4), None, None, np.array(sizes), **how) == ["resize2d"]


def test_resizing_by_scales(agrees: Agrees, refusal: Callable[..., str]) -> None:
    def scales(factor: float) -> np.ndarray:
        return np.array([1, 1, factor, 2], np.float32)

    assert agrees("Resize", (1, 2, 4, 4), None, scales(1.5), mode="linear") == ["resize2d"]
    assert "whole number" in refusal("Resize", (1, 2, 3, 4), None, scales(1.5), mode="linear")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"mode": "cubic"}, "not cubic with half_pixel"),
        ({"mode": "nearest", "nearest_mode": "ceil"}, "nearest_mode round_prefer_floor"),
        ({"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}, "nearest_mode floor"),
        ({"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}, "more than one row"),
    ],
)
def test_other_resizes_are_refused(refusal: Callable[..., str], how: dict, why: str) -> None:
    assert why in refusal("Resize", (1, 2, 3, 4), None, None, np.array([1, 2, 1, 9]), **how)


NORM = """<ir_version: 8, opset_import: ["": 18]> g (float[1,1,2,2] x) => (float[1,2,2,2] y)
<float[2,1,1,1] w = {1,-2}, float[2] b = {7,8}, float[2] gamma = {0.5,3}, float[2] beta = {1,2},
 float[2] mean = {0.25,1}, float[2] variance = {4,9}>"""


@pytest.mark.parametrize(("conv", "parameters"), [("Conv(x, w)", 2 + 4), ("Conv(x, w, b)", 2 + 2 + 4)])
def test_batch_normalization_disappears_into_the_convolution(model_agrees: Agrees, conv: str, parameters: int) -> None:
    text = NORM + f"{{ h = {conv}  y = BatchNormalization(h, gamma, beta, mean, variance) }}"
    assert model_agrees(text) == ["conv2d"]
    graph = normalize(onnx.parser.parse_model(text)).graph
    translate(graph)
    assert graph.parameters == parameters


def test_batch_normalization_elsewhere_is_a_product_and_a_sum(agrees: Agrees) -> None:
    rows = [np.array(v, np.float32) for v in ([1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 4, 9])]
    assert agrees("BatchNormalization", (2, 3, 4, 5), *rows) == ["mul", "add"]
    assert agrees("BatchNormalization", (2, 3), *rows) == ["mul", "add"]


PADDED = """<ir_version: 8, opset_import: ["": 18]> g (float[1,1,4,4] x) => (float[1,1,R,C] y)
<float[1,1,3,3] w = {1,2,3,4,5,6,7,8,9}, int64[8] pads = {0,0,1,0,0,0,2,1}, float one = {1}>"""


def test_zeros_around_an_image_become_the_padding_of_its_convolution(model_agrees: Agrees) -> None:
    assert model_agrees(PADDED + "{ h = Pad(x, pads)  y = Conv(h, w) }") == ["conv2d"]
    assert model_agrees(PADDED + "{ h = Pad(x, pads)  y = Conv<pads=[1,1,0,0]>(h, w) }") == ["conv2d"]


def test_ones_around_an_image_stay() -> None:
    graph = normalize(onnx.parser.parse_model(PADDED + "{ h = Pad(x, pads, one)  y = Conv(h, w) }")).graph
    translate(graph)
    assert "onnx.Pad" in str(graph)
