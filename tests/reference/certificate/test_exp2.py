"""The certificate of the powers of two: the figures of our tables, and of one that is spoilt."""

from __future__ import annotations

from vitaccel.reference.certificate.exp2 import certify_exp2
from vitaccel.reference.exp2 import Exp2, Exp2Linear


def test_the_table_of_64_is_right_to_half_a_bit() -> None:
    errors = certify_exp2(Exp2())
    assert errors.mantissa_error <= 2.0**-16
    assert 5.4e-3 < errors.rounded_error <= 5.45e-3  # half a step of 1/64: 2**(1/128) - 1
    assert errors.numerator_error_lsb <= 0.75  # a mantissa's half, halved, and the rounding's half
    assert errors.monotonicity_violations == 0


def test_16_lines_are_as_good_as_published() -> None:
    errors = certify_exp2(Exp2Linear())
    assert errors.mantissa_error <= 1.33e-4
    assert errors.rounded_error <= 1.5e-3
    assert errors.monotonicity_violations == 0


def test_more_lines_are_better() -> None:
    errors = [certify_exp2(Exp2Linear(8, s)).mantissa_error for s in (4, 8, 16, 32)]
    assert errors == sorted(errors, reverse=True)


def test_it_finds_an_entry_that_is_one_off_and_one_that_is_out_of_order() -> None:
    spoilt = Exp2()
    mantissas = list(spoilt.mantissas)
    mantissas[40] += 1
    spoilt.__dict__["mantissas"] = tuple(mantissas)
    assert certify_exp2(spoilt).mantissa_error > 2.0**-16
    disordered = Exp2()
    numerators = list(disordered.numerators)
    numerators[100], numerators[101] = numerators[101], numerators[100]
    disordered.__dict__["numerators"] = tuple(numerators)
    assert certify_exp2(disordered).monotonicity_violations == 1
    assert certify_exp2(disordered).numerator_error_lsb > 10
