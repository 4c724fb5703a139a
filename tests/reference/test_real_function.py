"""The activation functions, against PyTorch's, against more digits, and at ties."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.errors import NumericsError
from vitaccel.ir.ops import ACTIVATIONS
from vitaccel.reference.real_function import (
    DIGITS,
    KINDS,
    RATIONAL,
    TRANSCENDENTAL,
    activation,
    check_kind,
    round_half_up,
    rounded_activation,
)

FINE = Fraction(1, 2**40)


def test_every_activation_of_the_graph_is_here() -> None:
    assert sorted(KINDS) == sorted(ACTIVATIONS)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_the_functions_are_those_of_the_float_graph(kind: str) -> None:
    x = torch.arange(-96, 97, dtype=torch.float64) / 8
    ours = [rounded_activation(kind, Fraction(v), FINE) * float(FINE) for v in x.tolist()]
    assert torch.allclose(torch.tensor(ours, dtype=torch.float64), ACTIVATION[kind](x), rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", TRANSCENDENTAL)
@pytest.mark.parametrize(
    "x",
    [Fraction(1, 3), Fraction(-7, 2), Fraction(13), Fraction(-19), Fraction(28), Fraction(-5000), Fraction(1, 10**9)],
)
def test_the_promised_digits_are_right(kind: str, x: Fraction) -> None:
    first, second = (activation(kind, x, digits) for digits in DIGITS)
    assert abs(first - second) < (1 + abs(x)) / 10 ** (DIGITS[0] - 8)


@pytest.mark.parametrize(
    ("value", "rounded"), [("1/2", 1), ("-1/2", 0), ("-3/2", -1), ("3/2", 2), ("49/100", 0), ("-51/100", -1), ("7", 7)]
)
def test_halves_go_up(value: str, rounded: int) -> None:
    assert round_half_up(Fraction(value)) == rounded


@pytest.mark.parametrize(
    ("kind", "x", "step", "rounded"),
    [
        ("relu", 5, Fraction(2), 3),  # 2.5: a true tie goes up
        ("hardswish", -1, Fraction(2, 3), 0),  # -1/2: up, too
        ("sigmoid", 0, Fraction(1), 1),  # 1/2, the only tie of a sigmoid
        ("gelu", 31, Fraction(2), 15),  # a hair below 15.5
        ("silu", 4001, Fraction(2), 2000),
        ("gelu_tanh", -31, Fraction(2), 0),
        ("sigmoid", 2000, Fraction(2, 5), 2),  # a hair below 2.5
        ("sigmoid", -2000, Fraction(2, 5), 0),
        ("tanh", 2000, Fraction(2, 5), 2),
        ("tanh", -2000, Fraction(2, 5), -2),  # a hair above -2.5
    ],
)
def test_ties_and_what_only_looks_like_one(kind: str, x: int, step: Fraction, rounded: int) -> None:
    assert rounded_activation(kind, Fraction(x), step) == rounded


def test_doubles_are_not_enough_and_decide_nothing() -> None:
    # The argument is chosen so that silu(x) / step is a tie to more digits than a double has.
    x = Fraction(3, 2)
    value = activation("silu", x, 80)
    for offset, rounded in ((Fraction(-1, 10**30), 3), (Fraction(1, 10**30), 2)):
        step = value * Fraction(2, 5) * (1 + offset)
        assert float(value / step) == 2.5
        assert rounded_activation("silu", x, step) == rounded


@pytest.mark.parametrize("kind", RATIONAL)
def test_rational_kinds_need_no_digits(kind: str) -> None:
    assert rounded_activation(kind, Fraction(10**50 + 1, 10**50), Fraction(1, 10**60)) > 0


def test_an_unknown_kind_and_a_step_of_zero_are_refused() -> None:
    with pytest.raises(NumericsError, match=r"activation must be one of relu, .*, not 'glu' \(did you mean 'gelu'\?\)"):
        check_kind("glu")
    with pytest.raises(NumericsError, match="the step of an activation must be positive, not 0"):
        rounded_activation("gelu", Fraction(1), Fraction(0))
