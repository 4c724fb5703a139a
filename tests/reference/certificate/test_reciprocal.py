"""The certificate of the reciprocal: our figure beats the published one, over every sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.reference.certificate.reciprocal import certify_reciprocal
from vitaccel.reference.reciprocal import Reciprocal


def test_the_default_is_right_to_5_parts_in_100000() -> None:
    errors = certify_reciprocal(Reciprocal())
    assert errors.error <= 5e-5
    assert errors.largest_mantissa < 2**17
    assert errors.monotonicity_violations <= 63  # none but at the ends of the table's intervals


@pytest.mark.parametrize("spec", [Reciprocal(), Reciprocal(4, 7), Reciprocal(7, 12)])
def test_no_sum_of_any_width_is_worse_than_the_certificate(spec: Reciprocal, seed: int) -> None:
    rng = np.random.default_rng(seed)
    total = torch.from_numpy((2.0 ** rng.uniform(0, 32, 100_000)).astype(np.int64))
    total = torch.cat([total, torch.arange(1, 5000), 2**32 - torch.arange(1, 5000)])
    mantissa, k = spec.compute(total)
    error = (mantissa * total / 2.0 ** (17 + k.double()) - 1).abs().max()
    assert float(error) <= certify_reciprocal(spec).error


def test_a_larger_table_is_better() -> None:
    errors = [certify_reciprocal(Reciprocal(i, 12)).error for i in (4, 5, 6, 7)]
    assert errors == sorted(errors, reverse=True)


def test_it_finds_an_entry_that_is_one_off() -> None:
    spoilt = Reciprocal()
    table = list(spoilt.table)
    table[20] += 4
    spoilt.__dict__["table"] = tuple(table)
    assert certify_reciprocal(spoilt).error > certify_reciprocal(Reciprocal()).error
