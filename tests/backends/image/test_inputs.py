"""Inputs as integers: rounded half up, saturated, and patches where the layout wants them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import attention_net
from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.backends.image.inputs import input_integers, quantize_input
from vitaccel.backends.image.model import Model


@pytest.mark.parametrize("name", ["vit", "vit-batch"])
def test_patches_are_windows_of_the_image(name: str, seed: int) -> None:
    case = Case(quantized(name, seed), machine_of("8x8"), seed)
    graph, plan, _ = case.lowered
    ((tensor, found),) = input_integers(graph, plan, case.images).items()
    (step,) = graph["image"].scale
    codes = np.clip(np.floor(case.images["image"] / np.float64(step) + 0.5), -128, 127)
    frames, joined = plan.tensors[tensor].frames, plan.tensors[tensor].tokens - 35
    assert found.shape == (2, frames, 35 + joined, 48)
    assert not found[:, :, :joined].any()
    for image, row, column in [(0, 0, 0), (1, 4, 6), (0, 2, 3)]:
        window = codes[image, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        np.testing.assert_array_equal(found[divmod(image, frames)][joined + row * 7 + column], window.reshape(-1))


def test_rounding_is_half_up_and_saturates(seed: int) -> None:
    case = Case(attention_net(seed), machine_of("8x8"), seed)
    model = Model(case.lowered.graph, case.plan, {})
    step = case.lowered.graph["x0"].scale[0]
    array = np.full((1, 13, 10), 1e9)
    array[0, 0, :5] = np.array([0.5, -0.5, 1.5, -1e9, 0.0]) * step
    found = quantize_input(model, "x0", "x0", array, 8)
    assert found[0, 0, 0, :6].tolist() == [1, 0, 2, -128, 0, 127]
