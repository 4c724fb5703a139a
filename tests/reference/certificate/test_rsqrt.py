"""The reciprocal square root over all its mantissas, and a wrong entry is found."""

from __future__ import annotations

import pytest

from vitaccel.reference.certificate.rsqrt import certify_rsqrt
from vitaccel.reference.rsqrt import Rsqrt


def test_the_error_is_bounded_over_all_mantissas() -> None:
    certificate = certify_rsqrt(Rsqrt())
    assert certificate.mantissas == 1 << 18
    assert certificate.max_relative < 1.01e-5
    assert certificate.rms_relative < 4.5e-6
    assert certificate.rises == 0
    assert (certificate.smallest, certificate.largest) == ((1 << 17) + 1, (1 << 18) - 1)


@pytest.mark.parametrize(("index_bits", "entry_bits", "max_relative"), [(5, 9, 6e-5), (6, 11, 2e-5), (6, 13, 1.8e-5)])
def test_smaller_tables_are_less_exact(index_bits: int, entry_bits: int, max_relative: float) -> None:
    assert 1.1e-5 < certify_rsqrt(Rsqrt(index_bits, entry_bits)).max_relative < max_relative


@pytest.mark.parametrize("by", [-8, 8])
def test_a_wrong_entry_is_found(by: int) -> None:
    for entry in range(0, 256, 15):
        spec = Rsqrt()
        wrong = list(spec.table)
        wrong[entry] += by
        vars(spec)["table"] = tuple(wrong)
        assert certify_rsqrt(spec).max_relative > 1.02e-5
