"""The residual addition is exact over a grid, and a wrong one is found."""

from __future__ import annotations

import pytest
import torch

from vitaccel.reference.certificate.residual import certify_residual
from vitaccel.reference.residual import ResidualAdd


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_no_sum_is_wrong(bits: int) -> None:
    certificate = certify_residual(ResidualAdd(bits))
    assert certificate.pairs > 60_000
    assert (certificate.wrong, certificate.falls) == (0, 0)
    assert certificate.pairs // 5 < certificate.saturated < certificate.pairs // 3


def test_a_sum_that_wraps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResidualAdd, "compute", lambda _, a, b: (a.to(torch.int16) + b.to(torch.int16)).long())
    certificate = certify_residual()
    assert certificate.wrong == certificate.saturated
    assert certificate.falls > 0
