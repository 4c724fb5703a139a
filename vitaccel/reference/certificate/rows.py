"""Rows of attention logits, and what a way to compute their softmax loses: one measure for every method.

Every softmax, ours or published, is measured on the same rows by the same code: Gaussian logits of deviation 1, 2 and
4 over 197 and 577 keys (a ViT at 224 and 384 pixels), 400 rows each, and zero-mean Gaussian values. A method is a
function of :class:`Rows` that returns probabilities (whatever multiplies V), so rows recorded from a trained network
are measured in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vitaccel.errors import NumericsError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KEYS = (197, 577)
"""Keys of a row: a ViT with patches of 16 at 224 and at 384 pixels, with the class token."""

SIGMAS = (1.0, 2.0, 4.0)
"""Standard deviation of the logits."""

ROWS = 400
"""Rows for each number of keys and each deviation."""

VALUE_DIM = 64
"""Channels of V, the head width of every ViT."""

SMOOTHING = 2.0**-24
"""Added to both probabilities of a Kullback-Leibler divergence, so that a probability of zero costs much, not all."""

LOG2_E = 1.4426950408889634
"""Logits of base e times this are logits of base 2."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Attention rows before quantization.

    Parameters
    ----------
    logits
        ``[rows, keys]`` of base e, scaled (the argument of softmax).
    values
        V, ``[keys, channels]``.

    Raises
    ------
    NumericsError
        If the shapes do not fit each other, or a number is not finite.
    """

    logits: Floats
    values: Floats

    def __post_init__(self) -> None:
        if self.logits.ndim != 2 or self.values.ndim != 2 or not self.logits.size or not self.values.size:
            shapes = f"{list(self.logits.shape)} and {list(self.values.shape)}"
            raise NumericsError(f"logits and values must be two matrices that are not empty, not {shapes}")
        if self.logits.shape[1] != self.values.shape[0]:
            keys, rows = self.logits.shape[1], self.values.shape[0]
            raise NumericsError(f"values must have a row for each of {keys} keys, not {rows}")
        if not (np.isfinite(self.logits).all() and np.isfinite(self.values).all()):
            raise NumericsError("logits and values must be finite, not NaN or infinite")

    @cached_property
    def truth(self) -> Floats:
        """Softmax of the unquantized logits in float64."""
        return softmax(self.logits)

    def base2(self, fraction: int, bits: int = 16) -> Integers:
        """Return the logits as codes of base 2 with *fraction* fraction bits, rounded half up, saturated to *bits*.

        This is what requantizing the QK^T accumulator gives with a multiplier that has log2(e) folded in.
        """
        codes = np.floor(self.logits * LOG2_E * 2.0**fraction + 0.5)
        return np.clip(codes, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)

    def int8(self) -> tuple[Integers, float]:
        """Return the logits as symmetric int8 codes without clipping, and their scale (``code * scale``)."""
        scale = float(np.abs(self.logits).max()) / 127 or 1.0
        return np.floor(self.logits / scale + 0.5).clip(-128, 127).astype(np.int64), scale


@dataclass(frozen=True)
class RowErrors:
    """What a method loses on one set of rows.

    Parameters
    ----------
    max_abs
        Largest difference of one probability.
    mse
        Mean squared difference of one probability.
    kl
        Mean Kullback-Leibler divergence of a row in nats, truth against method, smoothed by :data:`SMOOTHING`.
    sum_error
        Mean of ``abs(sum - 1)`` of a row.
    pv
        RMS error of P.V over rows and channels, relative to the RMS of the true P.V.
    """

    max_abs: float
    mse: float
    kl: float
    sum_error: float
    pv: float


@dataclass(frozen=True)
class Summary:
    """What a method loses over several sets of rows: :class:`RowErrors` with the worst or the mean of each."""

    worst_max_abs: float
    mean_mse: float
    mean_kl: float
    mean_sum_error: float
    mean_pv: float
    worst_pv: float

    @classmethod
    def of(cls, errors: Iterable[RowErrors]) -> Summary:
        """Summarize *errors*, at least one."""
        e = list(errors)
        return cls(
            worst_max_abs=max(one.max_abs for one in e),
            mean_mse=float(np.mean([one.mse for one in e])),
            mean_kl=float(np.mean([one.kl for one in e])),
            mean_sum_error=float(np.mean([one.sum_error for one in e])),
            mean_pv=float(np.mean([one.pv for one in e])),
            worst_pv=max(one.pv for one in e),
        )


def softmax(logits: Floats) -> Floats:
    """Return the float64 softmax over the last dimension."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(-1, keepdims=True))


def gaussian_rows(keys: int, sigma: float, *, rows: int = ROWS, value_dim: int = VALUE_DIM, seed: int = 0) -> Rows:
    """Return *rows* rows of independent Gaussian logits of deviation *sigma*, and standard Gaussian values.

    Each triple of *keys*, *sigma* and *seed* has a stream of random numbers of its own.
    """
    rng = np.random.default_rng([seed, keys, round(sigma * 1024)])
    return Rows(rng.normal(0.0, sigma, (rows, keys)), rng.normal(0.0, 1.0, (keys, value_dim)))


def settings(*, rows: int = ROWS, seed: int = 0) -> Iterator[Rows]:
    """Yield the six sets of Gaussian rows, every number of :data:`KEYS` with every deviation of :data:`SIGMAS`."""
    for keys in KEYS:
        for sigma in SIGMAS:
            yield gaussian_rows(keys, sigma, rows=rows, seed=seed)


def measure(probabilities: Floats, rows: Rows, truth: Floats | None = None) -> RowErrors:
    """Return what *probabilities* lose against *truth*, by default the softmax of the unquantized logits.

    Raises
    ------
    NumericsError
        If *probabilities* have not the shape of the logits.
    """
    truth = rows.truth if truth is None else truth
    if probabilities.shape != truth.shape:
        shapes = f"{list(truth.shape)}, not {list(probabilities.shape)}"
        raise NumericsError(f"probabilities must have the shape of the logits {shapes}")
    wrong = probabilities - truth
    product = truth @ rows.values
    return RowErrors(
        max_abs=float(np.abs(wrong).max()),
        mse=float(np.square(wrong).mean()),
        kl=kl_divergence(truth, probabilities),
        sum_error=float(np.abs(probabilities.sum(-1) - 1).mean()),
        pv=relative_rms(probabilities @ rows.values, product),
    )


def measure_all(method: Callable[[Rows], Floats], sets: Iterable[Rows] | None = None) -> Summary:
    """Return what *method* loses against the softmax of unquantized logits over *sets*, by default :func:`settings`.

    Parameters
    ----------
    method
        From rows to probabilities ``[rows, keys]``; it quantizes the logits itself (``Rows.base2``, ``Rows.int8``).
    sets
        Sets of rows, at least one.
    """
    return Summary.of(measure(method(rows), rows) for rows in (settings() if sets is None else sets))


def kl_divergence(truth: Floats, probabilities: Floats) -> float:
    """Return the mean over rows of the Kullback-Leibler divergence in nats, smoothed by :data:`SMOOTHING`."""
    ratio = (truth + SMOOTHING) / (np.maximum(probabilities, 0) + SMOOTHING)
    return float((truth * np.log(ratio)).sum(-1).mean())


def relative_rms(got: Floats, expected: Floats) -> float:
    """Return the RMS of the difference divided by the RMS of *expected*."""
    return float(np.sqrt(np.square(got - expected).sum() / np.square(expected).sum()))
