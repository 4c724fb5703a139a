"""LayerNorm against float64, and a wrong table is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.reference.certificate.layernorm import certify_layernorm, layernorm
from vitaccel.reference.rsqrt import Rsqrt


def test_the_truth_is_pytorchs() -> None:
    x = np.random.default_rng(0).normal(2, 3, (5, 32))
    expected = torch.nn.functional.layer_norm(torch.from_numpy(x), (32,), eps=1e-3).numpy()
    assert np.allclose(layernorm(x, 1e-3), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("channels", [3, 48, 192, 384, 768, 1280])
def test_rmse_is_below_2e_5(channels: int, seed: int) -> None:
    certificate = certify_layernorm(channels, seed=seed)
    assert certificate.rmse < 1.1e-5
    assert certificate.max_abs < 7e-5
    assert certificate.constant == 0
    assert certificate.outlier < 1.1e-5 + 2.0**-16  # the root, and rounding z
    assert certificate.extremes < 5e-5


def test_at_4096_channels_the_outlier_is_64_deviations_out() -> None:
    certificate = certify_layernorm(4096)
    assert certificate.rmse < 1.1e-5
    assert certificate.outlier < 1.1e-5


def test_a_coarser_table_shows() -> None:
    assert certify_layernorm(rsqrt=Rsqrt(5, 9)).rmse > 3e-5


def test_a_wrong_entry_of_the_table_shows() -> None:
    wrong = Rsqrt()
    vars(wrong)["table"] = tuple(entry + 32 * (i == 70) for i, entry in enumerate(wrong.table))
    assert certify_layernorm(rsqrt=wrong).max_abs > 5 * certify_layernorm().max_abs
