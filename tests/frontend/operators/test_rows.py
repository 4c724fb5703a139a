from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Agrees = Callable[..., list[str]]
ROW = np.array([0.5, -1.0, 2.0, 3.0], np.float32)


def test_softmax_over_the_last_axis(agrees: Agrees) -> None:
    assert agrees("Softmax", (2, 3, 4), axis=-1) == ["softmax"]
    assert agrees("Softmax", (2, 3, 4)) == ["softmax"]


@pytest.mark.parametrize("axis", [0, 1, -3])
def test_softmax_over_another_axis_is_turned(agrees: Agrees, axis: int) -> None:
    assert agrees("Softmax", (2, 3, 4), axis=axis) == ["transpose", "softmax", "transpose"]


@pytest.mark.parametrize("operands", [(ROW, ROW), (ROW,)])
def test_layer_normalization(agrees: Agrees, operands: tuple[np.ndarray, ...]) -> None:
    assert agrees("LayerNormalization", (2, 3, 4), *operands, epsilon=1e-3) == ["layernorm"]


def test_layer_normalization_over_two_axes_is_refused(refusal: Callable[..., str]) -> None:
    gamma = np.ones((3, 4), np.float32)
    assert refusal("LayerNormalization", (2, 3, 4), gamma, axis=1) == "normalise over the last axis only"


def test_layer_normalization_by_a_computed_gamma_stays(left: Callable[..., bool]) -> None:
    assert left("LayerNormalization", (2, 3, 4), (4,), axis=-1)


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize(
    ("shape", "axes", "made"),
    [
        ((2, 3, 4), [1], ["mean"]),
        ((2, 3, 4, 5), [3, 2], ["to_tokens", "mean"]),
        ((2, 3, 4, 5), [1, -2], ["reshape", "mean"]),
    ],
)
def test_means_over_tokens_and_images(
    agrees: Agrees, keep: int, shape: tuple[int, ...], axes: list[int], made: list[str]
) -> None:
    tail = ["reshape"] if keep else []
    assert agrees("ReduceMean", shape, np.array(axes), keepdims=keep) == made + tail
    assert agrees("ReduceMean", shape, opset=13, axes=axes, keepdims=keep) == made + tail


def test_a_mean_over_channels_stays(left: Callable[..., bool]) -> None:
    assert left("ReduceMean", (2, 3, 4), np.array([-1]))
    assert left("ReduceMean", (2, 3, 4))


def test_global_average_pooling(agrees: Agrees) -> None:
    assert agrees("GlobalAveragePool", (2, 3, 4, 5)) == ["to_tokens", "mean", "reshape"]
    assert agrees("GlobalAveragePool", (2, 3, 4)) == ["transpose", "mean", "reshape"]
