"""How exact the wide GELU is: every code against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.certificate.activation import TRUE, rounded
from vitaccel.reference.gelu import WideGelu


@dataclass(frozen=True)
class GeluCertificate:
    """What a wide GELU gets right, over all its codes.

    Parameters
    ----------
    kind
        Its function.
    codes
        Codes looked at: all.
    max_lsb
        Largest difference from the true value, rounded half up and saturated, in output codes.
    exact
        Codes without a difference.
    max_abs
        Largest difference from the unrounded true value, in its own units (half an LSB of it is rounding).
    mse
        Mean squared difference from the unrounded true value.
    reversals
        Neighbouring codes whose outputs rise where the true function falls, left of its minimum, or fall right of it.
    at_zero
        The output at 0; the true one is 0.
    lowest, highest
        The outputs of the smallest and the largest code.
    """

    kind: str
    codes: int
    max_lsb: int
    exact: int
    max_abs: float
    mse: float
    reversals: int
    at_zero: int
    lowest: int
    highest: int


def certify_gelu(spec: WideGelu) -> GeluCertificate:
    """Compare the output for every code of *spec*, at most 2**20 of them, with the function in float64."""
    codes = torch.arange(spec.format.min, spec.format.max + 1)
    step = float(spec.format.step)
    got = spec.compute(codes).numpy()
    true = TRUE[spec.kind](codes.numpy() * step) / step
    expected = rounded(spec.kind, true, codes.numpy(), step, step).clip(spec.format.min, spec.format.max)
    minimum = int(np.argmin(true))
    rises = np.diff(got)
    return GeluCertificate(
        kind=spec.kind,
        codes=len(codes),
        max_lsb=int(np.abs(got - expected).max()),
        exact=int((got == expected).sum()),
        max_abs=float(np.abs(got - true).max()) * step,
        mse=float(np.square(got - true).mean()) * step**2,
        reversals=int((rises[:minimum] > 0).sum() + (rises[minimum:] < 0).sum()),
        at_zero=int(got[-spec.format.min]),
        lowest=int(got[0]),
        highest=int(got[-1]),
    )
