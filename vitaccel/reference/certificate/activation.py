"""How exact a table of an activation function is: every one of its 256 entries against float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import erf
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from vitaccel.reference.activation import INPUT, ActivationTable
from vitaccel.reference.real_function import rounded_activation

Floats = NDArray[np.float64]

NEAR_TIE = 1e-9
"""A float64 value this near to a tie does not decide how to round; more digits do."""


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 + 0.5 * np.tanh(x / 2))


TRUE: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "gelu": lambda x: x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2,
        "gelu_tanh": lambda x: x * _sigmoid(np.sqrt(8 / np.pi) * (x + 0.044715 * x**3)),
        "gelu_sigmoid": lambda x: x * _sigmoid(1.702 * x),
        "relu": lambda x: np.maximum(x, 0),
        "relu6": lambda x: np.clip(x, 0, 6),
        "silu": lambda x: x * _sigmoid(x),
        "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
        "hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
        "sigmoid": _sigmoid,
        "tanh": np.tanh,
    }
)
"""Every kind of activation in float64, from other formulas than the tables are made of."""


@dataclass(frozen=True)
class ActivationCertificate:
    """What a table gets right.

    Parameters
    ----------
    kind
        Its function.
    entries
        Entries looked at: all.
    exact
        Entries equal to the true value, rounded half up and saturated.
    max_error_steps
        Largest difference from the unrounded value, saturated to the output's range, in output steps; 0.5 is rounding.
    """

    kind: str
    entries: int
    exact: int
    max_error_steps: float


def certify_activation(table: ActivationTable) -> ActivationCertificate:
    """Compare all 256 outputs of *table* with float64, and where that is within 1e-9 of a tie, with more digits."""
    codes = torch.arange(INPUT.min, INPUT.max + 1)
    got = table.compute(codes).numpy()
    true = TRUE[table.kind](codes.numpy() * table.in_scale) / table.out_scale
    limit = 2.0 ** (table.out_bits - 1)
    expected = rounded(table.kind, true, codes.numpy(), table.in_scale, table.out_scale).clip(-limit, limit - 1)
    return ActivationCertificate(
        kind=table.kind,
        entries=len(codes),
        exact=int((got == expected).sum()),
        max_error_steps=float(np.abs(got - true.clip(-limit, limit - 1)).max()),
    )


def rounded(
    kind: str, true: Floats, codes: NDArray[np.int64], in_scale: float, out_scale: float
) -> NDArray[np.float64]:
    """Round *true* half up; where float64 does not decide, take the correctly rounded value of ``kind(code)``."""
    nearest = np.floor(true + 0.5)
    for i in np.flatnonzero(np.abs(true + 0.5 - np.round(true + 0.5)) < NEAR_TIE):
        nearest[i] = rounded_activation(kind, int(codes[i]) * Fraction(in_scale), Fraction(out_scale))
    return np.asarray(nearest)
