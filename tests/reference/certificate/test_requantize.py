"""The certificate of requantization keeps what its module promises, and finds a rounding that is wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vitaccel.reference.certificate.requantize import RequantizeErrors, certify_requantize
from vitaccel.reference.requantize import Requantize


@pytest.mark.parametrize("bits", [8, 16])
def test_the_multiplier_is_near_and_all_else_exact(bits: int, seed: int) -> None:
    errors = certify_requantize(bits, seed=seed)
    assert 0 < errors.multiplier_error <= 2.0**-17
    assert (errors.mismatches, errors.monotonicity_violations) == (0, 0)


def test_it_repeats() -> None:
    assert certify_requantize(samples=20) == certify_requantize(samples=20)
    assert certify_requantize(samples=20) != certify_requantize(samples=20, seed=1)


def test_it_finds_a_floor_in_the_place_of_a_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    def floor(spec: Requantize, acc: Tensor, bias: int = 0) -> Tensor:
        return ((acc + bias) * spec.multiplier >> spec.shift).clamp(-128, 127)

    monkeypatch.setattr(Requantize, "compute", floor)
    assert certify_requantize(samples=50).mismatches > 100


def test_it_finds_a_result_that_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrapped(spec: Requantize, acc: Tensor, bias: int = 0) -> Tensor:
        rounded = ((acc + bias) * spec.multiplier + (1 << spec.shift >> 1)) >> spec.shift
        return rounded.to(torch.int8).to(torch.int64)

    monkeypatch.setattr(Requantize, "compute", wrapped)
    errors: RequantizeErrors = certify_requantize(samples=50)
    assert errors.mismatches > 100
    assert errors.monotonicity_violations > 10
