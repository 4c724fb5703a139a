"""The certificate of the reciprocal: every mantissa of a sum, at both ends of what is cut off behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitaccel.reference.reciprocal import ARGUMENT_FRACTION, MANTISSA_BITS, SUM_BITS, Reciprocal


@dataclass(frozen=True)
class ReciprocalErrors:
    """Exhaustive errors of ``1 / S`` against float64, for all S of 1 to 32 bits.

    Parameters
    ----------
    error
        Largest relative error.
    largest_mantissa
        Largest mantissa that was returned; 17 bits are promised.
    monotonicity_violations
        Mantissas above that of the next smaller sum, at ends of table intervals; none is promised to be absent.
    """

    error: float
    largest_mantissa: int
    monotonicity_violations: int


def certify_reciprocal(spec: Reciprocal) -> ReciprocalErrors:
    """Measure *spec* on every normalised mantissa, with nothing cut off behind it and with all ones.

    Sums of 17 bits are their own mantissas. Of longer sums those of 32 bits with all ones behind the mantissa lose
    most, and shorter sums have mantissas that end in zeros, so the two sweeps bound every sum.
    """
    exact = torch.arange(1 << ARGUMENT_FRACTION, 2 << ARGUMENT_FRACTION)
    cut = SUM_BITS - 1 - ARGUMENT_FRACTION
    fullest = (exact << cut) + ((1 << cut) - 1)
    mantissa, _ = spec.compute(exact)
    return ReciprocalErrors(
        error=max(_error(spec, exact), _error(spec, fullest)),
        largest_mantissa=int(mantissa.max()),
        monotonicity_violations=int((mantissa.diff() > 0).sum()),
    )


def _error(spec: Reciprocal, total: Tensor) -> float:
    mantissa, k = (tensor.numpy() for tensor in spec.compute(total))
    return float(np.abs(mantissa * total.numpy() / 2.0 ** (MANTISSA_BITS + k) - 1).max())
