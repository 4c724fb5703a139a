"""Scales and masks in their one form."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from vitaccel.frontend.recognize.heads import compressed, snapped


@pytest.mark.parametrize("channels", [1, 6, 32, 64, 72, 80])
def test_every_rounding_of_the_natural_scale_is_the_natural_scale(channels: int) -> None:
    natural = float(np.float32(1 / sqrt(channels)))
    quarter = np.float32(channels**-0.25)
    found = [
        natural, float(quarter) ** 2, 1 / float(np.float32(sqrt(channels))), float(np.float16(natural)),
        float(np.float16(quarter)) ** 2, 1 / float(np.float16(sqrt(channels))),
    ]  # fmt: skip
    assert {snapped(scale, channels) for scale in found} == {natural}


def test_any_other_scale_stays() -> None:
    assert snapped(0.1251, 64) == float(np.float32(0.1251))
    assert snapped(1.0, 64) == 1.0


@pytest.mark.parametrize("shape", [(1, 1, 4, 5), (2, 1, 1, 5), (1, 3, 4, 1), (1, 1, 1, 1), (2, 3, 4, 5)])
@pytest.mark.parametrize("copied", [False, True])
def test_axes_that_only_repeat_are_cut(shape: tuple[int, ...], copied: bool, seed: int) -> None:
    mask = np.random.default_rng(seed).standard_normal(shape)
    full = np.broadcast_to(mask, (2, 3, 4, 5))
    result = compressed(full.copy() if copied else full)
    assert result.shape == shape
    assert np.array_equal(result, mask)
