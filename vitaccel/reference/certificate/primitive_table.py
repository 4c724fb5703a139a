"""The primitives under the functions: powers of two, reciprocals and reciprocal roots, each with its largest error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.alternatives.edgemoe_exp import FRACTION as EDGE_FRACTION
from vitaccel.reference.alternatives.edgemoe_exp import EdgeMoeExp
from vitaccel.reference.alternatives.ibert_exp import IBertExp
from vitaccel.reference.alternatives.ibert_layernorm import integer_sqrt
from vitaccel.reference.alternatives.ita_softmax import ItaSoftmax
from vitaccel.reference.alternatives.ivit_exp import IVitExp
from vitaccel.reference.alternatives.softermax import (
    EXP_FRACTION,
    LOGIT_FRACTION,
    OUTPUT_FRACTION,
    SUM_FRACTION,
    Softermax,
)
from vitaccel.reference.certificate.entry import OURS, PUBLISHED, Candidate
from vitaccel.reference.certificate.exp2 import certify_exp2
from vitaccel.reference.certificate.reciprocal import certify_reciprocal
from vitaccel.reference.certificate.rows import Floats
from vitaccel.reference.certificate.rsqrt import certify_rsqrt
from vitaccel.reference.reciprocal import MANTISSA_BITS as RECIPROCAL_BITS
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import MANTISSA_BITS as RSQRT_BITS
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel.reference.softmax import POWERS

GRID_BITS = 12
"""Points of an octave at which a power is looked at."""

ARGUMENT_SCALE = 2.0**-14
"""Scale on which the integer exponentials of base e are looked at: fine, so that their constants are nearly exact."""

SUMS_OF_SQUARES = (384, 384 << 20)
"""Sums of squares of 384 channels whose deviation is 1 to 1024 codes."""


@dataclass(frozen=True)
class PrimitiveRow:
    """A row of the table of primitives.

    Parameters
    ----------
    function
        ``2^x``, ``2^x, x rounded``, ``1/x`` or ``1/sqrt(x)``.
    method, kind
        The method's name; ``published`` or ``ours``.
    output_bits
        Width of the result.
    max_relative
        Largest relative error.
    """

    function: str
    method: str
    kind: str
    output_bits: int
    max_relative: float

    def candidate(self) -> Candidate:
        """What is compared: the largest relative error."""
        return Candidate(self.method, self.kind, self.output_bits, (("max_relative", self.max_relative),))


def measure_primitives() -> tuple[PrimitiveRow, ...]:
    """Measure all of them. A power is charged for the rounding of its argument under ``2^x, x rounded`` only."""
    return (*_powers(), *_rounded_powers(), *_reciprocals(), *_roots())


def _powers() -> Iterator[PrimitiveRow]:
    octave = torch.arange((1 << GRID_BITS) + 1)
    exact = 2.0 ** -(octave.numpy() / (1 << GRID_BITS))
    shift = 2.0 ** -ItaSoftmax(1.0, 1, GRID_BITS).octaves(octave).numpy().astype(np.float64)
    yield _published("2^x", "ITA, shift only", 8, shift, exact)
    ivit, ibert = IVitExp(ARGUMENT_SCALE), IBertExp(ARGUMENT_SCALE)
    x = torch.arange(round(-1 / ARGUMENT_SCALE), 1)
    exact = np.exp(x.numpy() * ARGUMENT_SCALE)
    yield _published("2^x", "I-ViT shifts", 16, ivit.compute(x).numpy() * ivit.output_scale, exact)
    x = torch.arange(ibert.x0 + 1, 1)
    exact = np.exp(x.numpy() * ARGUMENT_SCALE)
    yield _published("2^x", "I-BERT parabola", 16, ibert.compute(x).numpy() * ibert.output_scale, exact)
    x = torch.arange(0, 1 << EDGE_FRACTION, 1 << EDGE_FRACTION - GRID_BITS)
    exact = np.exp(-x.numpy() / (1 << EDGE_FRACTION))
    yield _published(
        "2^x", "Edge-MoE exp", EDGE_FRACTION, EdgeMoeExp().compute(x).numpy() / (1 << EDGE_FRACTION), exact
    )
    fraction = np.arange(1 << GRID_BITS) / (1 << GRID_BITS)
    chords = np.interp(fraction, np.arange(5) / 4, _softermax_octave())
    yield _published("2^x", "Softermax, four chords", 16, chords, 2.0**fraction)
    for bits, spec in POWERS.items():
        yield PrimitiveRow("2^x", f"vitaccel, {bits} fraction bits", OURS, 16, certify_exp2(spec).mantissa_error)


def _rounded_powers() -> Iterator[PrimitiveRow]:
    fraction = np.arange(1 << GRID_BITS) / (1 << GRID_BITS)
    nearest = np.floor(fraction * (1 << LOGIT_FRACTION) + 0.5).astype(np.int64)
    exact = 2.0**fraction
    yield _published("2^x, x rounded", "Softermax, 2 fraction bits", 16, _softermax_octave()[nearest], exact)
    for bits, spec in POWERS.items():
        error = certify_exp2(spec).rounded_error
        yield PrimitiveRow("2^x, x rounded", f"vitaccel, {bits} fraction bits", OURS, 16, error)


def _softermax_octave() -> Floats:
    """The four points of Softermax and the end of the octave."""
    return np.array([*Softermax().octave, 2 << EXP_FRACTION]) / (1 << EXP_FRACTION)


def _reciprocals() -> Iterator[PrimitiveRow]:
    sums = torch.arange(1 << SUM_FRACTION, 1 << 16)
    r, place = Softermax().reciprocal(sums)
    got = r.numpy() / 2.0 ** (OUTPUT_FRACTION + place.numpy())
    yield _published("1/x", "Softermax, eight chords", OUTPUT_FRACTION + 1, got, 1 / sums.numpy())
    name = "vitaccel, 64 entries and a Newton step"
    yield PrimitiveRow("1/x", name, OURS, RECIPROCAL_BITS, certify_reciprocal(Reciprocal()).error)


def _roots() -> Iterator[PrimitiveRow]:
    sums = torch.from_numpy(np.unique(np.geomspace(*SUMS_OF_SQUARES, 4096).astype(np.int64)))
    exact = 1 / np.sqrt(sums.numpy())
    yield _published("1/sqrt(x)", "I-BERT, floor of the root", 16, 1 / integer_sqrt(sums).numpy(), exact)
    name = "vitaccel, 256 entries and a Newton step"
    yield PrimitiveRow("1/sqrt(x)", name, OURS, RSQRT_BITS, certify_rsqrt(Rsqrt()).max_relative)


def _published(function: str, method: str, bits: int, got: Floats, exact: Floats) -> PrimitiveRow:
    return PrimitiveRow(function, method, PUBLISHED, bits, float(np.abs(got / exact - 1).max()))
