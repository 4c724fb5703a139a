"""The certificate of the online softmax: rows of every kind, through the integers that the hardware computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitaccel.reference.certificate.rows import Floats, Rows, Summary, gaussian_rows, measure_all
from vitaccel.reference.exp2 import NUMERATOR_FRACTION
from vitaccel.reference.reciprocal import MANTISSA_BITS
from vitaccel.reference.requantize import Requantize
from vitaccel.reference.softmax import LONGEST_ROW, MASKED, OnlineSoftmax

PERMUTATIONS = 200
"""Orders of the keys that the sum is compared over."""

LENGTHS_TOGETHER = 64
"""Rows of equal logits that are computed at a time."""

SCALES = 200
"""Random output scales on which the drain is compared with a real division."""


@dataclass(frozen=True)
class SoftmaxErrors:
    """What was found for one :class:`vitaccel.reference.softmax.OnlineSoftmax`.

    Parameters
    ----------
    deferred
        Errors of ``u / S``, what multiplies V when the division is left to the drain, over the Gaussian rows.
    probabilities
        The same of the normalised uq0.16 probabilities.
    equal_row_sum_error
        Largest ``abs(sum - 1)`` of ``u / S`` over rows of 1 to 4096 equal logits.
    equal_row_probability_sum_error
        The same of the uq0.16 probabilities: the rounding of a probability times the number of keys.
    one_hot_error
        Largest error of any ``u / S`` in rows with one key far above all others.
    one_hot_probability_error
        The same of the uq0.16 probabilities.
    order_dependence
        Largest relative difference of S between orders of the same keys.
    online_difference
        Largest relative difference of S from the sum that knows m beforehand, over ascending ramps and Gaussian rows.
    drain_error_lsb
        Largest error of an int8 output against the real division ``c * A / S``; 0.5 is rounding alone.
    monotonicity_violations
        Distances from the maximum at which u is above that of a smaller distance.
    """

    deferred: Summary
    probabilities: Summary
    equal_row_sum_error: float
    equal_row_probability_sum_error: float
    one_hot_error: float
    one_hot_probability_error: float
    order_dependence: float
    online_difference: float
    drain_error_lsb: float
    monotonicity_violations: int


def deferred(spec: OnlineSoftmax) -> Callable[[Rows], Floats]:
    """Return the method, for :func:`measure_all`, that multiplies V by u and divides at the drain."""
    return lambda rows: deferred_weights(spec, torch.from_numpy(rows.base2(spec.fraction_bits)))


def normalized(spec: OnlineSoftmax) -> Callable[[Rows], Floats]:
    """Return the method, for :func:`measure_all`, that multiplies V by uq0.16 probabilities."""
    return lambda rows: probability_weights(spec, torch.from_numpy(rows.base2(spec.fraction_bits)))


def deferred_weights(spec: OnlineSoftmax, y: Tensor) -> Floats:
    """Return ``u / S`` with the integer reciprocal of S, as reals."""
    m, total = spec.statistics(y)
    mantissa, k = (t.numpy() for t in spec.reciprocal.compute(total))
    unit = 2.0 ** (NUMERATOR_FRACTION - spec.numerator.fraction - MANTISSA_BITS - k)
    return np.asarray(spec.numerators(y, m).numpy() * (mantissa * unit)[..., None])


def probability_weights(spec: OnlineSoftmax, y: Tensor) -> Floats:
    """Return the uq0.16 probabilities, as reals."""
    return np.asarray(spec.probabilities(y).numpy() / 2.0**16)


def certify_softmax(
    spec: OnlineSoftmax, sets: Iterable[Rows] | None = None, *, longest: int = LONGEST_ROW, seed: int = 0
) -> SoftmaxErrors:
    """Measure *spec*.

    Parameters
    ----------
    spec
        The softmax.
    sets
        Rows to measure P.V on, by default the Gaussian ones; rows recorded from a network do as well.
    longest
        Equal and one-hot rows have 1 to this many keys.
    seed
        Of what is drawn: orders of keys, output scales.
    """
    sets = None if sets is None else list(sets)
    equal, equal_probability = _equal_rows(spec, longest)
    one_hot, one_hot_probability = _one_hot_rows(spec, longest)
    return SoftmaxErrors(
        deferred=measure_all(deferred(spec), sets),
        probabilities=measure_all(normalized(spec), sets),
        equal_row_sum_error=equal,
        equal_row_probability_sum_error=equal_probability,
        one_hot_error=one_hot,
        one_hot_probability_error=one_hot_probability,
        order_dependence=_order_dependence(spec, seed),
        online_difference=_online_difference(spec, seed),
        drain_error_lsb=_drain_error(spec, seed),
        monotonicity_violations=_monotonicity_violations(spec),
    )


def _equal_rows(spec: OnlineSoftmax, longest: int) -> tuple[float, float]:
    """Rows of every length, of an integer logit and of one just above an integer; masked keys fill them up."""
    worst, worst_probability = 0.0, 0.0
    for first in range(1, longest + 1, LENGTHS_TOGETHER):
        lengths = torch.arange(first, min(first + LENGTHS_TOGETHER, longest + 1))
        there = torch.arange(int(lengths[-1])) < lengths.unsqueeze(-1)
        for code in (0, 1):
            y = torch.where(there, code, MASKED)
            worst = max(worst, float(np.abs(deferred_weights(spec, y).sum(-1) - 1).max()))
            wrong = np.abs(probability_weights(spec, y).sum(-1) - 1).max()
            worst_probability = max(worst_probability, float(wrong))
    return worst, worst_probability


def _one_hot_rows(spec: OnlineSoftmax, longest: int) -> tuple[float, float]:
    """One logit of every fraction among masked keys and among keys as low as a logit can be, first, middle or last."""
    worst, worst_probability = 0.0, 0.0
    hot = torch.arange(1 << spec.fraction_bits, dtype=torch.int16)
    for keys in sorted({1, 2, 197, 577, longest}):
        for low in (MASKED, MASKED + 1):
            for place in {0, keys // 2, keys - 1}:
                y = torch.full((len(hot), keys), low, dtype=torch.int16)
                y[:, place] = hot
                truth = (np.arange(keys) == place).astype(np.float64)
                worst = max(worst, float(np.abs(deferred_weights(spec, y) - truth).max()))
                wrong = np.abs(probability_weights(spec, y) - truth).max()
                worst_probability = max(worst_probability, float(wrong))
    return worst, worst_probability


def _order_dependence(spec: OnlineSoftmax, seed: int) -> float:
    rng = np.random.default_rng(seed)
    worst = 0.0
    for keys in (197, 577):
        row = gaussian_rows(keys, 2.0, rows=1, seed=seed).base2(spec.fraction_bits)[0]
        orders = np.stack([rng.permutation(row) for _ in range(PERMUTATIONS)])
        total = spec.statistics(torch.from_numpy(orders))[1].numpy().astype(np.float64)
        worst = max(worst, float(total.max() / total.min() - 1))
    return worst


def _online_difference(spec: OnlineSoftmax, seed: int) -> float:
    one = 1 << spec.fraction_bits
    ramps = [torch.arange(577, dtype=torch.int64)[None] * step - 200 * one // 8 for step in (1, 3, one // 8)]
    drawn = [torch.from_numpy(gaussian_rows(197, s, seed=seed).base2(spec.fraction_bits)) for s in (1.0, 4.0)]
    worst = 0.0
    for y in (*ramps, *drawn):
        m, total = spec.statistics(y)
        offline = spec.exp2.compute(y, m.unsqueeze(-1)).sum(-1)
        worst = max(worst, float(np.abs(total.numpy() / offline.numpy() - 1).max()))
    return worst


def _drain_error(spec: OnlineSoftmax, seed: int) -> float:
    """Int8 outputs of random rows and scales, against float64; saturated ones tell nothing."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for scale in 2.0 ** rng.uniform(-3, 6, SCALES):
        factor = Requantize.from_scale(float(scale), 8)
        total = rng.integers(1 << 14, 1 << 25, 64)
        wanted = rng.uniform(-127, 127, (64, 8))
        unit = 2.0 ** (NUMERATOR_FRACTION - spec.numerator.fraction)
        accumulated = np.floor(wanted * total[:, None] / (scale * unit)).astype(np.int64)
        real = accumulated * unit * scale / total[:, None]
        got = spec.normalize(
            torch.from_numpy(accumulated), torch.from_numpy(total), factor.multiplier, factor.shift
        ).numpy()
        worst = max(worst, float(np.abs(got - real).max()))
    return worst


def _monotonicity_violations(spec: OnlineSoftmax) -> int:
    distances = torch.arange(len(spec.exp2.numerators) + 1)
    u = spec.numerators(-distances.unsqueeze(-1), torch.zeros_like(distances))
    return int((u.flatten().diff() > 0).sum())
