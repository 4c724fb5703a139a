"""Token resampling stays within its bound, and a wrong weight is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.reference.certificate import resample
from vitaccel.reference.certificate.resample import certify_resample, linear_matrix
from vitaccel.reference.resample import TokenResample


def test_the_bound_holds_and_is_nearly_met(seed: int) -> None:
    certificate = certify_resample(seed)
    assert certificate.maps == 7
    assert certificate.bound / 2 < certificate.max_error <= certificate.bound
    assert certificate.bound < 2.2
    assert certificate.rms_error < 0.4
    assert certificate.constant_error == 0


@pytest.mark.parametrize(("old", "new"), [(14, 7), (3, 17), (10, 32), (5, 5)])
def test_the_truth_is_pytorchs(old: int, new: int) -> None:
    expected = torch.nn.functional.interpolate(torch.eye(old, dtype=torch.float64)[None], new, mode="linear")[0].T
    assert np.allclose(linear_matrix(old, new), expected.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("old", "new"), [(14, 7), (14, 5), (24, 12), (7, 14)])
def test_weights_of_a_small_denominator_are_exact(monkeypatch: pytest.MonkeyPatch, old: int, new: int) -> None:
    monkeypatch.setattr(resample, "GRIDS", ((old, new),))
    certificate = certify_resample()
    assert certificate.row_error < 1e-5  # the multiplier only
    assert certificate.max_error < 0.501


def test_a_weight_that_is_off_by_one_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    from_matrix = TokenResample.from_matrix

    def off(matrix: np.ndarray, in_scale: float, out_scale: float) -> TokenResample:
        right = from_matrix(matrix, in_scale, out_scale)
        codes = right.matrix.clone()
        codes[0, 0] -= 1
        return TokenResample(codes, right.requantize)

    monkeypatch.setattr(TokenResample, "from_matrix", off)
    assert certify_resample().constant_error > 0
