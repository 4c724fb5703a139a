"""The GELU tables: every code on [-8, 8], as int8 and as Q4.12, after rounding to the input's own grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.alternatives.edgemoe_gelu import EdgeMoeGelu
from vitaccel.reference.alternatives.ibert_gelu import IBertGelu
from vitaccel.reference.alternatives.ita_gelu import ItaGelu
from vitaccel.reference.alternatives.ivit_gelu import IVitGelu
from vitaccel.reference.certificate.activation import TRUE, rounded
from vitaccel.reference.certificate.entry import IDEAL, OURS, PUBLISHED, Candidate
from vitaccel.reference.certificate.rows import Floats
from vitaccel.reference.gelu import WideGelu

INT8_SCALE = 8 / 127
"""int8 over [-8, 8]: codes -127 to 127."""

WIDE_SCALE = 2.0**-12
"""Q4.12: 65,536 codes over [-8, 8)."""


@dataclass(frozen=True)
class GeluFormat:
    """Codes of input and output.

    Parameters
    ----------
    name
        As the tables show it.
    bits
        Width.
    scale
        What one code is worth.
    lowest
        Smallest code; the largest is ``2**(bits - 1) - 1``.
    """

    name: str
    bits: int
    scale: float
    lowest: int

    @property
    def codes(self) -> Tensor:
        """Every code."""
        return torch.arange(self.lowest, 1 << self.bits - 1)


INT8 = GeluFormat("int8", 8, INT8_SCALE, -127)
WIDE = GeluFormat("Q4.12", 16, WIDE_SCALE, -(1 << 15))


@dataclass(frozen=True)
class GeluEntry:
    """A GELU as a function of codes.

    Parameters
    ----------
    name, kind
        As in :class:`vitaccel.reference.certificate.softmax_methods.SoftmaxEntry`.
    values
        From codes to real results, before they are rounded to the format.
    """

    name: str
    kind: str
    values: Callable[[Tensor], Floats]


@dataclass(frozen=True)
class GeluRow:
    """A row of the GELU table.

    Parameters
    ----------
    format
        ``int8`` or ``Q4.12``.
    method, kind
        The method's name; ``ideal``, ``published`` or ``ours``.
    output_bits
        Width of the codes.
    max_abs_before
        Largest error before rounding to codes; ours comes rounded, so that half a code is its least.
    max_abs
        Largest error after rounding.
    mse
        Mean squared error after rounding.
    max_lsb
        Largest difference from the true value, rounded, in codes.
    """

    format: str
    method: str
    kind: str
    output_bits: int
    max_abs_before: float
    max_abs: float
    mse: float
    max_lsb: int

    def candidate(self) -> Candidate:
        """What is compared: the largest difference in codes."""
        return Candidate(self.method, self.kind, self.output_bits, (("max_lsb", float(self.max_lsb)),))


def measure_gelu(progress: Callable[[str], None] = lambda _: None) -> tuple[GeluRow, ...]:
    """Measure every method on every code of both formats."""
    rows = []
    for form in (INT8, WIDE):
        codes = form.codes
        true = TRUE["gelu"](codes.numpy() * form.scale)
        least, most = form.lowest, (1 << form.bits - 1) - 1
        expected = rounded("gelu", true / form.scale, codes.numpy(), form.scale, form.scale).clip(least, most)
        for entry in entries(form):
            progress(f"{entry.name}, {form.name}")
            values = entry.values(codes)
            got = np.floor(values / form.scale + 0.5).clip(least, most)
            rows.append(
                GeluRow(
                    format=form.name,
                    method=entry.name,
                    kind=entry.kind,
                    output_bits=form.bits,
                    max_abs_before=float(np.abs(values - true).max()),
                    max_abs=float(np.abs(got * form.scale - true).max()),
                    mse=float(np.square(got * form.scale - true).mean()),
                    max_lsb=int(np.abs(got - expected).max()),
                )
            )
    return tuple(rows)


def entries(form: GeluFormat) -> Iterator[GeluEntry]:
    """Yield the GELUs that there are for a format: float forms, published integers, ours."""
    scale = form.scale
    floats = (("exact, rounded", IDEAL, "gelu"), ("sigmoid form, float", PUBLISHED, "gelu_sigmoid"),
              ("tanh form, float", PUBLISHED, "gelu_tanh"))  # fmt: skip
    for name, kind, function in floats:
        yield GeluEntry(name, kind, lambda q, function=function: TRUE[function](q.numpy() * scale))  # type: ignore[misc]
    yield GeluEntry("h-GELU, float", PUBLISHED, lambda q: _h_gelu(q.numpy() * scale))
    yield _integer("I-BERT i-GELU", IBertGelu(scale))
    if form is INT8:
        yield _integer("I-BERT i-GELU, nothing truncated", IBertGelu(scale, 0))
        yield _integer("ITA GELU", ItaGelu(scale))
    yield _integer("I-ViT ShiftGELU", IVitGelu(scale, form.bits))
    # Its port is ap_fixed<32,10>: the codes are brought to 22 fraction bits.
    edge = EdgeMoeGelu()
    yield GeluEntry(
        "Edge-MoE delta table",
        PUBLISHED,
        lambda q: np.asarray(edge.compute(_on_grid(q, scale / edge.scale)).numpy() * edge.output_scale),
    )
    if form is INT8:
        table = ActivationTable("gelu", scale, scale)
        yield GeluEntry("vitaccel, table of 256", OURS, lambda q: np.asarray(table.compute(q).numpy() * scale))
    else:
        wide = WideGelu()
        name = f"vitaccel, delta in {wide.segments} segments"
        yield GeluEntry(name, OURS, lambda q: np.asarray(wide.compute(q).numpy() * scale))


def _integer(name: str, spec: IBertGelu | ItaGelu | IVitGelu) -> GeluEntry:
    return GeluEntry(name, PUBLISHED, lambda q: np.asarray(spec.compute(q).numpy() * spec.output_scale))


def _on_grid(q: Tensor, factor: float) -> Tensor:
    return torch.from_numpy(np.floor(q.numpy() * factor + 0.5).astype(np.int64))


def _h_gelu(x: Floats) -> Floats:
    return np.asarray(x * np.clip(1.702 * x + 3, 0, 6) / 6)
