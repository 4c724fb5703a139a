"""Image ops beside onnxruntime, which has its own kernels for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from vitaccel.errors import UnsupportedError
from vitaccel.ir import ops

Run = Callable[..., np.ndarray]


def onnx_answer(op_type: str, *operands: np.ndarray, sizes: tuple[int, ...] = (), **attributes: object) -> np.ndarray:
    """One ONNX operator run by onnxruntime; ``sizes`` become the fourth operand of Resize."""
    names = [f"x{index}" for index in range(len(operands))]
    constants = [helper.make_tensor("sizes", TensorProto.INT64, (len(sizes),), sizes)] if sizes else []
    node = helper.make_node(op_type, [*names, *(["", "", "sizes"] if sizes else [])], ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, operand.shape)
        for name, operand in zip(names, operands, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)
    graph = helper.make_graph([node], "one_op", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, dict(zip(names, operands, strict=True)))
    return np.asarray(result)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 0, 3)])
@pytest.mark.parametrize(
    ("groups", "stride", "dilation"), [(1, (1, 1), (1, 1)), (4, (2, 1), (1, 2)), (2, (2, 3), (2, 1))]
)
def test_conv2d(
    run_op: Run,
    draw: Run,
    *,
    groups: int,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> None:
    x, w, b = draw(2, 4, 9, 10), draw(8, 4 // groups, 3, 2), draw(8)
    expected = onnx_answer("Conv", x, w, b, strides=stride, dilations=dilation, pads=padding, group=groups)
    op = ops.Conv2d(stride, padding, dilation, groups)
    np.testing.assert_allclose(run_op(op, x, w, b), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(run_op(op, x, w), expected - b[:, None, None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 2, 1)])
def test_max_pool_never_takes_padding(run_op: Run, draw: Run, padding: tuple[int, int, int, int]) -> None:
    x = -1 - np.abs(draw(2, 3, 7, 8))
    expected = onnx_answer("MaxPool", x, kernel_shape=(3, 2), strides=(2, 1), pads=padding)
    np.testing.assert_array_equal(run_op(ops.Pool2d("max", (3, 2), (2, 1), padding), x), expected)


@pytest.mark.parametrize("include_pad", [False, True])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 2, 1)])
def test_average_pool_counts_padding_on_request(
    run_op: Run, draw: Run, padding: tuple[int, int, int, int], include_pad: bool
) -> None:
    x = draw(2, 3, 7, 8)
    expected = onnx_answer(
        "AveragePool", x, kernel_shape=(3, 2), strides=(2, 1), pads=padding, count_include_pad=int(include_pad)
    )
    op = ops.Pool2d("avg", (3, 2), (2, 1), padding, include_pad)
    np.testing.assert_allclose(run_op(op, x), expected, rtol=1e-5, atol=1e-6)


SIZES = [(14, 7), (3, 11), (5, 5), (1, 4), (9, 1)]


@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize("mode", ["linear", "nearest"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_resize(run_op: Run, draw: Run, *, height: int, width: int, mode: str, coordinates: str) -> None:
    x = draw(2, 3, 7, 6)
    expected = onnx_answer(
        "Resize",
        x,
        sizes=(2, 3, height, width),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode="floor" if coordinates == "asymmetric" else "round_prefer_floor",
    )
    op = ops.Resize2d(height, width, mode, False, coordinates)
    np.testing.assert_allclose(run_op(op, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_antialiased_resize(run_op: Run, draw: Run, *, height: int, width: int) -> None:
    x = draw(2, 3, 14, 6)
    expected = onnx_answer("Resize", x, sizes=(2, 3, height, width), mode="linear", antialias=1, exclude_outside=1)
    op = ops.Resize2d(height, width, antialias=True)
    np.testing.assert_allclose(run_op(op, x), expected, rtol=1e-4, atol=1e-5)


def test_resize_is_what_pytorch_calls_bilinear_and_nearest(run_op: Run, draw: Run) -> None:
    x = draw(1, 2, 7, 6)
    image = torch.from_numpy(x)
    bilinear = torch.nn.functional.interpolate(image, (10, 4), mode="bilinear", align_corners=False)
    smooth = torch.nn.functional.interpolate(image, (3, 4), mode="bilinear", antialias=True)
    nearest = torch.nn.functional.interpolate(image, (10, 4), mode="nearest")
    np.testing.assert_allclose(run_op(ops.Resize2d(10, 4), x), bilinear, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(run_op(ops.Resize2d(3, 4, antialias=True), x), smooth, rtol=1e-5, atol=1e-5)
    op = ops.Resize2d(10, 4, "nearest", coordinates="asymmetric")
    np.testing.assert_array_equal(run_op(op, x), nearest)


@pytest.mark.parametrize(
    ("op", "sentence"),
    [
        (ops.Resize2d(4, 4, "cubic"), "resize mode must be linear or nearest, not 'cubic'"),
        (
            ops.Resize2d(4, 4, coordinates="tf_crop_and_resize"),
            "resize coordinates must be half_pixel, asymmetric or align_corners, not 'tf_crop_and_resize'",
        ),
        (
            ops.Resize2d(4, 4, "nearest", antialias=True),
            "an antialiased resize must be linear half_pixel, not nearest half_pixel",
        ),
    ],
)
def test_a_resize_without_a_meaning_is_refused(run_op: Run, draw: Run, op: ops.Resize2d, sentence: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        run_op(op, draw(1, 1, 3, 3))
    assert str(caught.value) == sentence
