"""How exact the reciprocal square root is: every mantissa, for even and odd exponents, against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.rsqrt import ARGUMENT_FRACTION, MANTISSA_BITS, VARIANCE_BITS, Rsqrt


@dataclass(frozen=True)
class RsqrtCertificate:
    """What a reciprocal square root loses.

    Parameters
    ----------
    mantissas
        Mantissas looked at, each at both ends of what is cut to it: all, for even and odd exponents.
    max_relative
        Largest relative error, over those and over every exponent.
    rms_relative
        Root of the mean squared relative error over the mantissas.
    rises
        Neighbouring mantissas whose result rises, where the true root falls.
    smallest, largest
        Mantissas of the result.
    """

    mantissas: int
    max_relative: float
    rms_relative: float
    rises: int
    smallest: int
    largest: int


def certify_rsqrt(spec: Rsqrt) -> RsqrtCertificate:
    """Compare *spec* with float64 for all of its ``2**18`` arguments, and around every power of two."""
    below = VARIANCE_BITS - 2 - ARGUMENT_FRACTION
    cut = torch.arange(1 << ARGUMENT_FRACTION, 1 << ARGUMENT_FRACTION + 1)
    # Highest bit at 60, then 61; the first and the last variance that are cut to each mantissa.
    first = torch.cat([cut << below - 1, cut << below])
    width = torch.tensor([1 << below - 1, 1 << below]).repeat_interleave(len(cut))
    errors = np.stack([_relative(spec, first), _relative(spec, first + width - 1)])
    powers = 1 << torch.arange(VARIANCE_BITS)
    around = torch.cat([powers, powers + 1, powers + (powers >> 1), powers - 1 + powers])
    mantissa, _ = spec.compute(first)
    return RsqrtCertificate(
        mantissas=len(first),
        max_relative=float(max(np.abs(errors).max(), np.abs(_relative(spec, around)).max())),
        rms_relative=float(np.sqrt(np.square(errors).mean())),
        rises=int((mantissa.diff() > 0).sum()),
        smallest=int(mantissa.min()),
        largest=int(mantissa.max()),
    )


def _relative(spec: Rsqrt, variance: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    mantissa, exponent = spec.compute(variance)
    got = mantissa.numpy() * 2.0 ** (-MANTISSA_BITS - exponent.numpy())
    return np.asarray(got * np.sqrt(variance.numpy().astype(np.float64)) - 1)
