"""The LayerNorm table: normalized rows of 384 channels, before the affine part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vitaccel.reference.alternatives.ibert_layernorm import IBertLayerNorm
from vitaccel.reference.alternatives.ivit_layernorm import IVitLayerNorm
from vitaccel.reference.certificate.entry import OURS, PUBLISHED, Candidate
from vitaccel.reference.certificate.layernorm import layernorm
from vitaccel.reference.certificate.rows import Floats
from vitaccel.reference.layernorm import NORMAL_FRACTION, LayerNorm

CHANNELS = 384
"""Channels of a row: DeiT-S."""

ROWS = 400
"""Rows of each kind."""

INT8_DEVIATION = 10.0
"""Deviation of int8 rows in codes: a few outliers take the rest of the range."""

STREAM_DEVIATION = 1024.0
"""Deviation of int16 rows in codes."""

INT16_BITS_GIVEN_UP = 3
"""Shift of I-BERT's sums for int16 rows."""


@dataclass(frozen=True)
class LayerNormRow:
    """A row of the LayerNorm table.

    Parameters
    ----------
    input
        ``int8`` (deviation and mean of about 10 codes) or ``int16`` (of about 1024).
    method, kind
        The method's name; ``published`` or ``ours``.
    input_bits
        Width of the input.
    max_abs
        Largest error, in deviations.
    rmse
        Root of the mean squared error, in deviations.
    """

    input: str
    method: str
    kind: str
    input_bits: int
    max_abs: float
    rmse: float

    def candidate(self) -> Candidate:
        """What is compared: the root mean squared and the largest error."""
        measures = (("rmse", self.rmse), ("max_abs", self.max_abs))
        return Candidate(self.method, self.kind, self.input_bits, measures)


def measure_layernorm(*, rows: int = ROWS, seed: int = 0) -> tuple[LayerNormRow, ...]:
    """Measure every method on Gaussian rows whose means differ as much as their elements do."""
    measured = []
    for name, bits, deviation in (("int8", 8, INT8_DEVIATION), ("int16", 16, STREAM_DEVIATION)):
        rng = np.random.default_rng([seed, bits])
        real = rng.normal(0, deviation, (rows, CHANNELS)) + rng.normal(0, deviation, (rows, 1))
        most = 1 << bits - 1
        codes = np.rint(real).clip(-most, most - 1).astype(np.int64)
        true = layernorm(codes.astype(np.float64), 0.0)
        for method, kind, values in _methods(codes, bits):
            wrong = np.abs(values - true)
            rmse = float(np.sqrt(np.square(wrong).mean()))
            measured.append(LayerNormRow(name, method, kind, bits, float(wrong.max()), rmse))
    return tuple(measured)


def _methods(codes: NDArray[np.int64], bits: int) -> Iterator[tuple[str, str, Floats]]:
    x = torch.from_numpy(codes)
    ibert = IBertLayerNorm(CHANNELS, 0 if bits == 8 else INT16_BITS_GIVEN_UP)
    yield "I-BERT", PUBLISHED, np.asarray(ibert.compute(x).numpy() * ibert.output_scale)
    ivit = IVitLayerNorm(CHANNELS)
    yield "I-ViT", PUBLISHED, np.asarray(ivit.compute(x).numpy() * ivit.output_scale)
    one, zero = torch.ones(CHANNELS, dtype=torch.int64), torch.zeros(CHANNELS, dtype=torch.int64)
    spec = LayerNorm(one, zero, shift=0, epsilon=1)
    yield "vitaccel, exact moments", OURS, np.asarray(spec.normalize(x).numpy() * 2.0**-NORMAL_FRACTION)
