"""Sums and products of two scales against float64, and one that truncates is found."""

from __future__ import annotations

import pytest

from vitaccel.reference import elementwise
from vitaccel.reference.certificate.elementwise import certify_elementwise


def test_a_sum_and_a_product_are_within_one_step(seed: int) -> None:
    certificate = certify_elementwise(seed)
    assert certificate.pairs > 90_000
    # Rounding, and multipliers that are off by half a unit: a quarter of a step each, where the operand is largest.
    assert 0.5 <= certificate.sum_error < 1
    assert 0.5 <= certificate.product_error < 0.75 + 1e-6
    assert certificate.falls == 0


def test_truncation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise, "round_shift", lambda x, shift: x >> shift)
    assert certify_elementwise().sum_error > 1
