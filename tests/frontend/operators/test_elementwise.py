from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Agrees = Callable[..., list[str]]
ROW = np.array([0.5, -1.0, 2.0, 3.0], np.float32)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_a_constant_comes_second(agrees: Agrees, op: str) -> None:
    assert agrees(op, (2, 3, 4), ROW) == ["mul" if op in ("Mul", "Div") else "add"]


def test_a_constant_in_front(agrees: Agrees, left: Callable[..., bool]) -> None:
    assert agrees("Add", ROW, (3, 4)) == ["add"]
    assert agrees("Mul", ROW, (3, 4)) == ["mul"]
    assert agrees("Sub", ROW, (3, 4)) == ["mul", "add"]
    assert left("Div", ROW, (3, 4))


def test_two_values(agrees: Agrees, left: Callable[..., bool]) -> None:
    assert agrees("Add", (2, 3, 4), (3, 1)) == ["add"]
    assert agrees("Mul", (2, 3, 4), (4,)) == ["mul"]
    assert left("Sub", (3, 4), (3, 4))
    assert left("Div", (3, 4), (3, 4))


def test_division_by_zero_is_refused(refusal: Callable[..., str]) -> None:
    assert refusal("Div", (3, 4), np.array([1, 0, 1, 1], np.float32)) == "divide by numbers that are not 0"


@pytest.mark.parametrize("op", ["Relu", "Sigmoid", "Tanh", "HardSwish"])
def test_activations(agrees: Agrees, op: str) -> None:
    assert agrees(op, (3, 4)) == ["activation"]


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_both_forms_of_gelu(agrees: Agrees, form: str) -> None:
    assert agrees("Gelu", (3, 4), opset=20, approximate=form) == ["activation"]


def test_negation(agrees: Agrees) -> None:
    assert agrees("Neg", (3, 4)) == ["mul"]


def test_clip_is_relu6_or_relu_or_stays(agrees: Agrees, left: Callable[..., bool], refusal: Callable[..., str]) -> None:
    zero, six = np.array(0, np.float32), np.array(6, np.float32)
    assert agrees("Clip", (3, 4), zero, six) == ["activation"]
    assert agrees("Clip", (3, 4), zero) == ["activation"]
    assert left("Clip", (3, 4), zero, np.array(1, np.float32))
    assert refusal("Clip", (3, 4), ()) == "have constant bounds"


def test_hard_sigmoid_has_one_slope(agrees: Agrees, refusal: Callable[..., str]) -> None:
    assert agrees("HardSigmoid", (3, 4), alpha=1 / 6, beta=0.5) == ["activation"]
    assert refusal("HardSigmoid", (3, 4)) == "have alpha 1/6 and beta 1/2, not 0.2 and 0.5"


HEAD = '<ir_version: 8, opset_import: ["": 18, "com.microsoft": 1]> g '
BIASED = HEAD + "(float[1,2,3] x) => (float[1,2,2] y) <float[3,2] w = {1,2,3,4,5,6}, float[2] b = {7,8}>"


@pytest.mark.parametrize("order", ["b, h", "h, b"])
def test_a_sum_after_a_product_is_its_bias(model_agrees: Agrees, order: str) -> None:
    assert model_agrees(f"{BIASED} {{ h = MatMul(x, w)  y = Add({order}) }}") == ["linear"]


def test_a_difference_after_a_product_is_its_bias(model_agrees: Agrees) -> None:
    assert model_agrees(f"{BIASED} {{ h = MatMul(x, w)  y = Sub(h, b) }}") == ["linear"]


def test_a_sum_after_a_product_read_twice_is_no_bias(model_agrees: Agrees) -> None:
    text = f"{BIASED} {{ h = MatMul(x, w)  s = Add(h, b)  y = Mul(s, h) }}"
    assert sorted(model_agrees(text)) == ["add", "linear", "mul"]


def test_a_sum_that_varies_along_tokens_is_no_bias(model_agrees: Agrees) -> None:
    text = HEAD + "(float[1,2,3] x) => (float[1,2,2] y) <float[3,2] w = {1,2,3,4,5,6}, float[2,1] b = {7,8}>"
    assert model_agrees(text + "{ h = MatMul(x, w)  y = Add(h, b) }") == ["linear", "add"]


def test_a_sum_per_channel_after_a_convolution_is_its_bias(model_agrees: Agrees) -> None:
    text = HEAD + "(float[1,1,2,2] x) => (float[1,2,2,2] y) <float[2,1,1,1] w = {1,2}, float[1,2,1,1] b = {7,8}>"
    assert model_agrees(text + "{ h = Conv(x, w)  y = Add(h, b) }") == ["conv2d"]


@pytest.mark.parametrize("op", ["Gelu", "FastGelu", "QuickGelu"])
def test_activations_of_onnxruntime(model_agrees: Agrees, op: str) -> None:
    text = HEAD + f"(float[2,3] x) => (float[2,3] y) {{ y = com.microsoft.{op}(x) }}"
    assert model_agrees(text) == ["activation"]


def test_a_bias_within_gelu(model_agrees: Agrees) -> None:
    text = HEAD + "(float[2,3] x) => (float[2,3] y) <float[3] b = {7,8,9}> { y = com.microsoft.BiasGelu(x, b) }"
    assert model_agrees(text) == ["add", "activation"]
