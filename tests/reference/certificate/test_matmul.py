"""Integer products are exact, and a product that saturates is found."""

from __future__ import annotations

import pytest
import torch

from vitaccel.reference.certificate import matmul


def test_no_sum_is_wrong(seed: int) -> None:
    certificate = matmul.certify_matmul(seed)
    assert certificate.sums > 200_000
    assert certificate.wrong == 0
    assert certificate.largest > 2**28
    assert certificate.bound_reached is True


def test_sixteen_bit_partial_sums_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def saturating(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        pairs = (a.long()[:, :, None] * b.long()).clamp(-(2**15), 2**15 - 1)
        return pairs.sum(1).to(torch.int16).to(torch.int32)

    monkeypatch.setattr(matmul, "SHAPES", ((3, 5, 7),))
    monkeypatch.setattr(matmul, "accumulate", saturating)
    assert matmul.certify_matmul().wrong > 0
