"""Pooling against float64, and a factor that is off is found."""

from __future__ import annotations

import pytest
import torch

from vitaccel.reference import pool
from vitaccel.reference.certificate.pool import certify_pool
from vitaccel.reference.requantize import Requantize


def test_means_are_within_a_quarter_of_rounding(seed: int) -> None:
    certificate = certify_pool(seed)
    assert certificate.windows > 9000
    assert 0.5 <= certificate.average_error < 0.5 + 0.25 + 1e-6
    assert (certificate.constant_error, certificate.max_wrong) == (0, 0)


def test_a_multiplier_that_is_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from_scale = Requantize.from_scale

    def off(real: float, bits: int) -> Requantize:
        right = from_scale(real, bits)
        return Requantize(right.multiplier + 4, right.shift, bits)

    monkeypatch.setattr(Requantize, "from_scale", off)
    assert certify_pool().average_error > 1


def test_a_forgotten_tap_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    compute = pool.MaxPool.compute

    def without_the_last(self: pool.MaxPool, taps: torch.Tensor) -> torch.Tensor:
        return compute(self, taps[..., : max(1, taps.shape[-1] - 1)])

    monkeypatch.setattr(pool.MaxPool, "compute", without_the_last)
    assert certify_pool().max_wrong > 0
