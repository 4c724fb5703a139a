"""Powers of two: the tables against exact integers, the numerators against their definition, every code."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
import torch

from vitaccel.errors import NumericsError
from vitaccel.reference.exp2 import Exp2, Exp2Linear

SPECS = [Exp2(), Exp2(1), Exp2(8), Exp2(10), Exp2Linear(), Exp2Linear(4, 2), Exp2Linear(10, 32)]


def defined(spec: Exp2 | Exp2Linear, y: int, m: int) -> int:
    """The numerator by its definition: a mantissa shifted right, rounded half up."""
    one = 1 << spec.fraction_bits
    return floor(Fraction(spec.mantissas[y % one], 2 ** (m - y // one)) + Fraction(1, 2))


@pytest.mark.parametrize("spec", [Exp2(), Exp2(1), Exp2(3), Exp2(8)])
def test_a_mantissa_is_the_nearest_integer(spec: Exp2) -> None:
    """``n - 1/2 <= 2**(15 + i/size) < n + 1/2``, both sides raised to the power of size: no root, no float."""
    size = 1 << spec.fraction_bits
    assert len(spec.mantissas) == size
    for i, n in enumerate(spec.mantissas):
        power = 1 << (16 * size + i)
        assert (2 * n - 1) ** size <= power < (2 * n + 1) ** size


def test_the_default_table_begins_and_ends_as_it_is_wired() -> None:
    assert Exp2().mantissas[:3] == (32768, 33125, 33486)
    assert Exp2().mantissas[-2:] == (64132, 64830)
    assert Exp2Linear().lines[0] == (131062, 362)
    assert Exp2Linear().lines[-1] == (251004, 694)


@pytest.mark.parametrize("spec", [s for s in SPECS if isinstance(s, Exp2Linear)])
def test_no_integer_line_in_the_neighbourhood_is_better(spec: Exp2Linear) -> None:
    size = spec.segment_codes
    one = 1 << spec.fraction_bits
    for segment, (base, slope) in enumerate(spec.lines):
        exact = [2.0 ** (17 + (segment * size + t) / one) for t in range(size)]

        def worst(base: int, slope: int, exact: list[float] = exact) -> float:
            return max(abs(base + slope * t - value) for t, value in enumerate(exact))

        chosen = worst(base - 2, slope)
        others = [worst(base - 2 + b, slope + s) for b in range(-20, 21) for s in (-1, 0, 1)]
        assert chosen <= min(others) + 0.51  # a base is an integer: half a unit is its own rounding


def test_a_line_fits_its_ports() -> None:
    for base, slope in Exp2Linear().lines:
        assert 0 < base < 2**18
        assert 0 < slope < 2**10
    assert Exp2Linear().segment_codes == 16


@pytest.mark.parametrize("spec", SPECS)
def test_a_numerator_is_a_mantissa_shifted_for_every_code_of_every_octave(spec: Exp2 | Exp2Linear) -> None:
    one = 1 << spec.fraction_bits
    y = torch.arange(-19 * one, one + 1)
    m = torch.full_like(y, 1)
    assert spec.compute(y, m).tolist() == [defined(spec, code, 1) for code in y.tolist()]


@pytest.mark.parametrize("spec", [Exp2(), Exp2Linear()])
def test_all_int16_logits_against_every_maximum(spec: Exp2 | Exp2Linear) -> None:
    """A numerator depends on the distance alone: all 65,536 codes against m of 0 to 18 octaves above each."""
    y = torch.arange(-32768, 32768, dtype=torch.int16)
    ceiling = -(-y.long() >> spec.fraction_bits)
    one = 1 << spec.fraction_bits
    for above in range(19):
        got = spec.compute(y, ceiling + above).reshape(-1, one)
        octave = torch.tensor([defined(spec, code, (code + one - 1) // one + above) for code in range(one)])
        assert (got == octave).all()


@pytest.mark.parametrize("spec", SPECS)
def test_numerators_fall_with_the_distance_from_2_to_the_15_to_0(spec: Exp2 | Exp2Linear) -> None:
    n = torch.tensor(spec.numerators)
    assert (n.diff() <= 0).all()
    assert 32500 <= int(n[0]) <= 32768
    assert int(n[-1]) == 0
    assert int(n[1]) >= 2**14


def test_far_logits_give_0() -> None:
    for spec in (Exp2(), Exp2Linear()):
        assert spec.compute(torch.tensor([-32768]), torch.tensor([512])).tolist() == [0]


def test_a_maximum_serves_a_row() -> None:
    y = torch.tensor([[0, -64, -128], [64, 32, 1]], dtype=torch.int16)
    assert Exp2().compute(y, torch.tensor([[0], [1]])).tolist() == [[32768, 16384, 8192], [32768, 23171, 16563]]


def test_a_maximum_below_a_logit_is_refused() -> None:
    with pytest.raises(NumericsError, match="m must be at least every logit rounded up, not 1 codes below one"):
        Exp2().compute(torch.tensor([0, 65]), torch.tensor([1, 1]))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Exp2(0), "fraction_bits of a table of powers must be 1 to 10, not 0"),
        (lambda: Exp2(11), "fraction_bits of a table of powers must be 1 to 10, not 11"),
        (lambda: Exp2Linear(3), "fraction_bits of piecewise linear powers must be 4 to 10, not 3"),
        (lambda: Exp2Linear(8, 12), "segments must be a power of two from 2 to 128, not 12"),
        (lambda: Exp2Linear(8, 256), "segments must be a power of two from 2 to 128, not 256"),
        (lambda: Exp2Linear(8, 1), "segments must be a power of two from 2 to 128, not 1"),
    ],
)
def test_impossible_tables_are_refused(make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(NumericsError) as error:
        make()
    assert str(error.value) == sentence
