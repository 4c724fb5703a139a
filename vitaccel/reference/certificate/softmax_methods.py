"""Every softmax of the comparison: what rounding alone loses, the published ones, and ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.alternatives.edgemoe_softmax import EdgeMoeSoftmax
from vitaccel.reference.alternatives.fqvit_softmax import FqVitSoftmax
from vitaccel.reference.alternatives.hls4ml_softmax import Hls4mlSoftmax
from vitaccel.reference.alternatives.ibert_softmax import IBertSoftmax
from vitaccel.reference.alternatives.ita_softmax import ItaSoftmax
from vitaccel.reference.alternatives.ivit_softmax import IVitSoftmax
from vitaccel.reference.alternatives.method import SoftmaxMethod
from vitaccel.reference.alternatives.softermax import Softermax
from vitaccel.reference.alternatives.sole_softmax import SoleSoftmax
from vitaccel.reference.certificate.entry import IDEAL, OURS, PUBLISHED
from vitaccel.reference.certificate.rows import Floats, Rows
from vitaccel.reference.certificate.softmax import deferred, normalized
from vitaccel.reference.softmax import NUMERATOR_FRACTIONS, POWERS, OnlineSoftmax

FINEST_SCALE = 2.0**-12
"""An int8 port is never finer: rows of equal logits have no range to take a scale from."""

WIDER_PORT = 256
"""A 16-bit port divides the int8 port's scale by this."""


@dataclass(frozen=True)
class SoftmaxEntry:
    """One softmax as a function of rows.

    Parameters
    ----------
    name
        As the tables show it.
    kind
        ``ideal``, ``published`` or ``ours`` (:mod:`vitaccel.reference.certificate.entry`).
    output_bits
        Width of what multiplies V.
    probabilities
        From rows to probabilities; the logits are quantized within, by the method's own port.
    fraction_bits
        Of our base-2 logits straight from the accumulator; otherwise 0.
    """

    name: str
    kind: str
    output_bits: int
    probabilities: Callable[[Rows], Floats]
    fraction_bits: int = 0


def snapped(rows: Rows) -> Rows:
    """Return the same rows with logits that int8 codes of a min-max scale stand for."""
    codes, scale = rows.int8()
    return Rows(np.asarray(codes * scale, np.float64), rows.values)


def exact(bits: int) -> SoftmaxEntry:
    """Return float64 softmax rounded to multiples of ``2**-bits``."""
    step = 2.0**-bits
    return SoftmaxEntry(
        "exact softmax, rounded", IDEAL, bits, lambda rows: np.asarray(np.floor(rows.truth / step + 0.5) * step)
    )


def published(name: str, bits: int, make: Callable[[float, float], SoftmaxMethod]) -> SoftmaxEntry:
    """Return a published method; ``make(scale, largest)`` gets the int8 min-max scale and the largest logit."""

    def probabilities(rows: Rows) -> Floats:
        scale = max(rows.int8()[1], FINEST_SCALE)
        method = make(scale, float(np.abs(rows.logits).max()))
        most = 1 << method.logit_bits - 1
        codes = np.floor(rows.logits / method.logit_scale + 0.5).clip(-most, most - 1).astype(np.int64)
        return np.asarray(method.compute(torch.from_numpy(codes)).numpy() * method.output_scale)

    return SoftmaxEntry(name, PUBLISHED, bits, probabilities)


def ours(fraction_bits: int, numerator_bits: int) -> SoftmaxEntry:
    """Return our softmax with the division at the drain."""
    spec = OnlineSoftmax(fraction_bits, numerator_bits)
    name = f"vitaccel, {spec.logit} logits, u{numerator_bits} numerators"
    return SoftmaxEntry(name, OURS, numerator_bits, deferred(spec), fraction_bits)


def ours_normalized(fraction_bits: int) -> SoftmaxEntry:
    """Return our softmax with normalized probabilities of 16 bits, for reused scores and routers."""
    spec = OnlineSoftmax(fraction_bits)
    return SoftmaxEntry(f"vitaccel, {spec.logit} logits, probabilities", OURS, 16, normalized(spec), fraction_bits)


OUR_ENTRIES = tuple(ours(fraction, bits) for fraction in POWERS for bits in NUMERATOR_FRACTIONS)
"""Ours for attention, every width of both ports."""

NORMALIZED_ENTRIES = tuple(ours_normalized(fraction) for fraction in POWERS)
"""Ours where scores are reused; attention proper has :data:`OUR_ENTRIES`."""

ENTRIES: tuple[SoftmaxEntry, ...] = (
    exact(8),
    exact(16),
    published("I-BERT i-exp", 8, lambda s, _: IBertSoftmax(s, 8)),
    published("I-BERT i-exp", 16, lambda s, _: IBertSoftmax(s, 16)),
    published("I-BERT i-exp, 16-bit port", 16, lambda s, _: IBertSoftmax(s / WIDER_PORT, 16, 16)),
    published("FQ-ViT log-int-softmax", 4, lambda s, _: FqVitSoftmax(s, 4)),
    published("FQ-ViT log-int-softmax", 8, lambda s, _: FqVitSoftmax(s, 8)),
    published("I-ViT Shiftmax", 8, lambda s, _: IVitSoftmax(s, 8)),
    published("I-ViT Shiftmax", 16, lambda s, _: IVitSoftmax(s, 16)),
    published("I-ViT Shiftmax, 16-bit port, n=8", 16, lambda s, _: IVitSoftmax(s / WIDER_PORT, 16, 8, 16)),
    published("ITAMax, a code is an octave", 8, lambda _s, _: ItaSoftmax.head()),
    published("ITAMax, scale of the paper", 8, lambda _s, _: ItaSoftmax.paper()),
    published("ITAMax, scale of the layer", 8, lambda s, _: ItaSoftmax.layer(s)),
    published("Softermax", 8, lambda _s, _: Softermax()),
    published("SOLE E2Softmax", 8, lambda _s, largest: SoleSoftmax.for_largest(largest, 8)),
    published("SOLE E2Softmax", 16, lambda _s, largest: SoleSoftmax.for_largest(largest, 16)),
    published("hls4ml stable", 10, lambda _s, _: Hls4mlSoftmax()),
    published("Edge-MoE online ap_fixed<32,10>", 22, lambda _s, _: EdgeMoeSoftmax()),
    *OUR_ENTRIES,
    *NORMALIZED_ENTRIES,
)
"""The comparison on the same logits, in the order of the table."""


def after_int8(entry: SoftmaxEntry, name: str) -> SoftmaxEntry:
    """Return *entry* behind an int8 logit port."""
    return SoftmaxEntry(
        f"int8 logits, {name}", entry.kind, entry.output_bits, lambda rows: entry.probabilities(snapped(rows))
    )


PATHS: tuple[SoftmaxEntry, ...] = (
    SoftmaxEntry("int8 logits, exact softmax", IDEAL, 0, lambda rows: snapped(rows).truth),
    after_int8(exact(8), "exact softmax, rounded"),
    after_int8(exact(16), "exact softmax, rounded"),
    *(after_int8(entry, entry.name) for entry in OUR_ENTRIES if entry.fraction_bits == min(POWERS)),
    *OUR_ENTRIES,
)
"""The whole path from real logits: an int8 port in front, or base-2 logits straight from the accumulator."""
