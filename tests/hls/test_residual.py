"""The residual addition in C++ is the reference's."""

from __future__ import annotations

import numpy as np
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.reference.residual import ResidualAdd


def test_it_is_the_reference_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    updates, residuals = integers(random, 40, 2000), integers(random, 16, 2000)[::-1]
    found = run_cpp("residual", "out[0] = residual_add<16>(in[0], in[1]);", np.stack([updates, residuals], 1))
    expected = ResidualAdd(16).compute(torch.from_numpy(updates), torch.from_numpy(residuals.copy()))
    np.testing.assert_array_equal(found[:, 0], expected.numpy())
