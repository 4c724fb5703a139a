# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Softmax: powers of two, statistics of rows of logits, numerators, and the reciprocal of a sum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel.reference.exp2 import Exp2Linear
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.softmax import LONGEST_ROW, OnlineSoftmax
from vitaccel_rtl import exp2, probability, reciprocal, softmax, softmax_rows

FRACTION_BITS = Option(name="fraction_bits", default=6, values=(6, 8), summary="of a logit, behind the binary point")
NUMERATOR_BITS = Option(name="bits", default=8, values=(8, 12, 16), summary="width of a numerator")
KEYS = Option(name="keys", default=LONGEST_ROW, least=1, most=LONGEST_ROW, summary="longest row")

LEAST_SUM_BITS = 16
"""Of statistics: a sum holds one numerator at least."""


def powers_of(fraction_bits: int) -> dict[str, Any]:
    """Return what a block with powers takes of its spec: ``fraction_bits`` and ``table``."""
    spec = OnlineSoftmax(fraction_bits).exp2
    return {"fraction_bits": fraction_bits, "table": spec.lines if isinstance(spec, Exp2Linear) else spec.mantissas}


def reciprocal_of(spec: Reciprocal) -> dict[str, Any]:
    """Return what a block with a reciprocal takes of its spec."""
    return {"table": spec.table, "entry_bits": spec.entry_bits, "centre": spec.centre}


def _exp2(*, lanes: int, fraction_bits: int) -> Any:
    return exp2.Exp2(lanes=lanes, **powers_of(fraction_bits))


def _statistics(*, lanes: int, fraction_bits: int, keys: int) -> Any:
    sum_bits = max(LEAST_SUM_BITS, OnlineSoftmax(fraction_bits).sum_bits(keys))
    return softmax.SoftmaxStatistics(lanes=lanes, **powers_of(fraction_bits), sum_bits=sum_bits)


def _numerators(*, lanes: int, fraction_bits: int, bits: int) -> Any:
    return softmax.SoftmaxNumerators(lanes=lanes, **powers_of(fraction_bits), bits=bits)


def _softmax(*, lanes: int, fraction_bits: int, bits: int, keys: int) -> Any:
    powers = powers_of(fraction_bits)["table"]
    return softmax_rows.Softmax(
        lanes=lanes, fraction_bits=fraction_bits, powers=powers, bits=bits, keys=keys, **reciprocal_of(Reciprocal())
    )


def _reciprocal(*, lanes: int) -> Any:
    return reciprocal.Reciprocal(lanes=lanes, **reciprocal_of(Reciprocal()))


def _row_factor(*, lanes: int, bits: int) -> Any:
    return reciprocal.RowFactor(lanes=lanes, numerator_bits=bits, **reciprocal_of(Reciprocal()))


def _probability(*, lanes: int, fraction_bits: int) -> Any:
    return probability.Probability(lanes=lanes, **powers_of(fraction_bits))


EXP2 = Block(
    name="exp2",
    summary="numerators 2**(y - m) of fixed-point logits",
    options=(lanes(), FRACTION_BITS),
    make=_exp2,
)

STATISTICS = Block(
    name="softmax-statistics",
    summary="running maximum and sum of rows of logits, one word a row",
    options=(lanes(), FRACTION_BITS, KEYS),
    make=_statistics,
)

NUMERATORS = Block(
    name="softmax-numerators",
    summary="numerators of softmax, rounded to the width that multiplies V",
    options=(lanes(), FRACTION_BITS, NUMERATOR_BITS),
    make=_numerators,
)

SOFTMAX = Block(
    name="softmax",
    summary="softmax of rows: numerators, and the reciprocal of their sum",
    options=(lanes(), FRACTION_BITS, NUMERATOR_BITS, replace(KEYS, default=256)),
    make=_softmax,
)

RECIPROCAL = Block(
    name="reciprocal",
    summary="the reciprocal of a softmax's sum: a table and a Newton step",
    options=(lanes(),),
    make=_reciprocal,
)

ROW_FACTOR = Block(
    name="row-factor",
    summary="what the outputs of a row of attention are multiplied with: 1 / S times the layer's scale",
    options=(lanes(), NUMERATOR_BITS),
    make=_row_factor,
)

PROBABILITY = Block(
    name="probability",
    summary="normalised probabilities of 16 bits, of logits and the reciprocal of their row's sum",
    options=(lanes(), FRACTION_BITS),
    make=_probability,
)
