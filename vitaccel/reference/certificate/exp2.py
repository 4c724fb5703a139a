"""The certificate of the powers of two: every code of every octave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.exp2 import NUMERATOR_FRACTION, OCTAVES, Exp2, Exp2Linear

FINE_BITS = 6
"""Real logits that are tried between two codes: 2**6."""


@dataclass(frozen=True)
class Exp2Errors:
    """Exhaustive errors of ``2**(y - m)`` against float64.

    Parameters
    ----------
    mantissa_error
        Largest relative error of a mantissa, at the codes themselves.
    rounded_error
        Largest relative error of a mantissa against the real logit that was rounded to the code.
    numerator_error_lsb
        Largest error of a numerator at the codes, over all distances, in its unit 2**-15.
    monotonicity_violations
        Codes whose numerator is above that of the next larger logit.
    """

    mantissa_error: float
    rounded_error: float
    numerator_error_lsb: float
    monotonicity_violations: int


def certify_exp2(spec: Exp2 | Exp2Linear) -> Exp2Errors:
    """Measure *spec* through its ``compute`` at every distance of one code to 18 octaves."""
    one = 1 << spec.fraction_bits
    distance = np.arange((OCTAVES + 1) * one)
    numerators = spec.compute(torch.from_numpy(-distance), torch.zeros(1, dtype=torch.int64)).numpy()
    exact = 2.0 ** (NUMERATOR_FRACTION - distance / one)
    mantissas = np.array(spec.mantissas) / 2.0**NUMERATOR_FRACTION
    fraction = np.arange(one) / one
    # The ends of what rounds to a code are half a code away; the error is largest at one of them, and the grid says so.
    offsets = np.linspace(-0.5, 0.5, 2**FINE_BITS + 1) / one
    reals = 2.0 ** (fraction[:, None] + offsets)
    return Exp2Errors(
        mantissa_error=float(np.abs(mantissas / 2.0**fraction - 1).max()),
        rounded_error=float(np.abs(mantissas[:, None] / reals - 1).max()),
        numerator_error_lsb=float(np.abs(numerators - exact).max()),
        monotonicity_violations=int((np.diff(numerators) > 0).sum()),
    )
