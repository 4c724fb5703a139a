"""Rows of int8 logits: random ones, and those at which integer softmaxes break."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def int8_rows(seed: int) -> NDArray[np.int64]:
    """``[rows, 37]``: random of three deviations, all equal (high, low), one-hot at either end, ramps, two levels."""
    rng = np.random.default_rng(seed)
    random = [rng.normal(0, sigma, (20, 37)).round().clip(-128, 127) for sigma in (3, 30, 90)]
    one_hot = np.full((2, 37), -128)
    one_hot[0, 0] = one_hot[1, -1] = 127
    ramp = np.linspace(-128, 127, 37).round()
    special = [np.full(37, 127), np.full(37, -128), *one_hot, ramp, ramp[::-1], np.where(np.arange(37) % 2, 0, -1)]
    return np.concatenate([*random, np.stack(special)]).astype(np.int64)
