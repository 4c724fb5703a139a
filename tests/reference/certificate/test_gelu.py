"""The wide GELU is within one LSB of the truth for every code, and a wrong knot is found."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.reference.certificate.activation import TRUE
from vitaccel.reference.certificate.gelu import certify_gelu
from vitaccel.reference.gelu import GATED, WideGelu


def test_gelu_is_within_one_lsb_at_q4_12_over_all_65536_codes() -> None:
    certificate = certify_gelu(WideGelu())
    assert certificate.codes == 65536
    assert certificate.max_lsb == 1
    assert certificate.exact > 61_000
    assert certificate.max_abs < 3.6e-4  # the level of docs: piecewise linear with 64 segments loses 3.5e-4
    assert certificate.mse < 4.6e-9
    assert certificate.reversals == 0
    assert (certificate.lowest, certificate.at_zero, certificate.highest) == (0, 0, 32767)


@pytest.mark.parametrize(
    ("spec", "max_lsb"),
    [
        (WideGelu("gelu_tanh"), 1),
        (WideGelu("gelu_sigmoid", segments=128), 2),
        (WideGelu("gelu_sigmoid", segments=256, step_bits=5), 1),
        (WideGelu("silu", segments=128), 1),
        (WideGelu(segments=128, step_bits=5), 1),
        (WideGelu(fraction=10), 1),
        (WideGelu(bits=12, fraction=8), 1),
        (WideGelu(segments=32, step_bits=3), 5),
    ],
)
def test_the_others(spec: WideGelu, max_lsb: int) -> None:
    certificate = certify_gelu(spec)
    assert certificate.codes == 1 << spec.bits
    assert (certificate.max_lsb, certificate.reversals, certificate.at_zero) == (max_lsb, 0, 0)


@pytest.mark.parametrize("by", [-48, 48])
def test_a_knot_that_is_off_by_three_lsb_is_found(by: int) -> None:
    for knot in range(65):
        spec = WideGelu()
        wrong = list(spec.table)
        wrong[knot] += by
        vars(spec)["table"] = tuple(wrong)
        assert certify_gelu(spec).max_lsb > 1, knot


@pytest.mark.parametrize("kind", GATED)
@pytest.mark.parametrize(("segments", "step_bits"), [(64, 4), (128, 4), (37, 3), (256, 5)])
def test_every_knot_is_what_its_formula_says_in_float64(kind: str, segments: int, step_bits: int) -> None:
    h = 2.0**-step_bits
    a = np.arange(segments + 1) * h
    before, here, after = (x - TRUE[kind](x) for x in (a - h, a, a + h))
    knots = (here - (before - 2 * here + after) / 16) * 2**16
    knots[0] = min(knots[0], 7)
    assert np.abs(knots + 0.5 - np.round(knots + 0.5)).min() > 1e-6, "a tie that float64 cannot decide"
    assert WideGelu(kind, segments=segments, step_bits=step_bits).table == tuple(np.floor(knots + 0.5).astype(int))
