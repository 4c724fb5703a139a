"""The activation functions on rational arguments, rounded correctly: what the generated tables are made of.

A table is exact when every entry is the true value rounded once. Double precision decides that almost always; here it
is decided always, by computing with more digits until rounding can no longer go either way (Ziv 1991).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from math import floor
from types import MappingProxyType

from vitaccel.errors import NumericsError, did_you_mean

DIGITS = (40, 80)
"""Decimal digits tried, in this order."""

GUARD_DIGITS = 8
"""Digits given up to rounding errors: a function is a few hundred operations of half a unit each."""

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
"""100 digits, the most that this module can use."""

HALF = Fraction(1, 2)


def relu6(x: Fraction) -> Fraction:
    """``min(max(x, 0), 6)``."""
    return min(max(x, Fraction(0)), Fraction(6))


RATIONAL: Mapping[str, Callable[[Fraction], Fraction]] = MappingProxyType(
    {
        "relu": lambda x: max(x, Fraction(0)),
        "relu6": relu6,
        "hardsigmoid": lambda x: relu6(x + 3) / 6,
        "hardswish": lambda x: x * relu6(x + 3) / 6,
    }
)
"""Kinds whose value at a rational argument is rational."""

AT_ZERO: Mapping[str, Fraction] = MappingProxyType(
    {
        "gelu": Fraction(0),
        "gelu_tanh": Fraction(0),
        "gelu_sigmoid": Fraction(0),
        "silu": Fraction(0),
        "sigmoid": HALF,
        "tanh": Fraction(0),
    }
)
"""The one rational argument where a transcendental kind has a rational value, and that value."""

KINDS = (*RATIONAL, *AT_ZERO)
"""Every kind of activation; ``gelu`` is the erf form, ``gelu_sigmoid`` is ``x / (1 + exp(-1.702 x))``."""


def check_kind(kind: str, kinds: tuple[str, ...] = KINDS) -> None:
    """Refuse a *kind* that is not one of *kinds*.

    Raises
    ------
    NumericsError
        If it is not.
    """
    if kind not in kinds:
        raise NumericsError(f"activation must be one of {', '.join(kinds)}, not {kind!r}{did_you_mean(kind, kinds)}")


def round_half_up(value: Fraction) -> int:
    """Return ``floor(value + 1/2)``, exactly."""
    return floor(value + HALF)


def rounded_activation(kind: str, x: Fraction, step: Fraction) -> int:
    """Return ``floor(f(x) / step + 1/2)`` of the true function, whatever the digits that takes.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    x
        Argument.
    step
        What one unit of the result is worth, positive.

    Raises
    ------
    NumericsError
        If the *kind* is unknown, the *step* is not positive, or its value cannot be told from a tie.
    """
    check_kind(kind)
    if step <= 0:
        raise NumericsError(f"the step of an activation must be positive, not {step}")
    if kind in RATIONAL:
        return round_half_up(RATIONAL[kind](x) / step)
    if x == 0:
        return round_half_up(AT_ZERO[kind] / step)
    for digits in DIGITS:
        value = activation(kind, x, digits) / step
        # No function exceeds 1 + |x|, nor its slope 2; the guard digits cover the length of the formulas.
        doubt = (1 + abs(x)) / step / 10 ** (digits - GUARD_DIGITS)
        low, high = round_half_up(value - doubt), round_half_up(value + doubt)
        if low == high:
            return low
    limit, from_below = asymptote(kind, x)
    if round_half_up(limit / step) - limit / step != HALF:
        raise NumericsError(f"{kind}({x}) must differ from a tie of step {step} in its first {DIGITS[-1]} digits")
    return low if from_below else high


def asymptote(kind: str, x: Fraction) -> tuple[Fraction, bool]:
    """Return what a transcendental *kind* approaches far from 0 on the side of *x*, and whether from below.

    Where this is a tie, as ``gelu(31) / 2``, no number of digits is enough far out, but the side is known.
    """
    if kind == "sigmoid":
        return Fraction(x > 0), x > 0
    if kind == "tanh":
        return Fraction(1 if x > 0 else -1), x > 0
    return max(x, Fraction(0)), True


def activation(kind: str, x: Fraction, digits: int) -> Fraction:
    """Return a transcendental *kind* at *x*, with an absolute error below ``(1 + |x|) * 10**(8 - digits)``."""
    with localcontext(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN):
        return Fraction(TRANSCENDENTAL[kind](Decimal(x.numerator) / Decimal(x.denominator)))


def sigmoid(x: Decimal) -> Decimal:
    """``1 / (1 + exp(-x))``; beyond 1000 it is 0 or 1 to 400 digits."""
    exponential = (-min(abs(x), Decimal(1000))).exp()
    return (1 if x >= 0 else exponential) / (1 + exponential)


def erf(x: Decimal) -> Decimal:
    """``2 / sqrt(pi) * exp(-x*x) * sum over n of (2 x*x)**n * x / (1 * 3 * ... * (2n+1))`` (Abramowitz, Stegun 7.1.6).

    All terms have one sign, so nothing cancels; beyond 20 the function is 1 to 170 digits.
    """
    if abs(x) > 20:
        return Decimal(1).copy_sign(x)
    square, term, total, odd = x * x, x, Decimal(0), 1
    while total + term != total:
        total += term
        odd += 2
        term *= 2 * square / odd
    return 2 / PI.sqrt() * (-square).exp() * total


TRANSCENDENTAL: Mapping[str, Callable[[Decimal], Decimal]] = MappingProxyType(
    {
        "gelu": lambda x: x * (1 + erf(x / Decimal(2).sqrt())) / 2,
        "gelu_tanh": lambda x: x * sigmoid((8 / PI).sqrt() * (x + Decimal("0.044715") * x**3)),
        "gelu_sigmoid": lambda x: x * sigmoid(Decimal("1.702") * x),
        "silu": lambda x: x * sigmoid(x),
        "sigmoid": sigmoid,
        "tanh": lambda x: 2 * sigmoid(2 * x) - 1,
    }
)
"""The other kinds; ``(1 + tanh(y)) / 2`` is ``sigmoid(2 y)``."""
