"""Variation between channels, moved from activations into weights: exact in float, kinder to one scale per tensor.

What LayerNorm writes (its gamma and beta divided by a factor for each channel) and what attention writes (the columns
of the values' projection divided) is multiplied back in the rows of the weights that read it, as SmoothQuant (Xiao et
al., 2023) does. The factor of a channel is ``x^a / w^(1-a)`` with the largest magnitudes x of the channel and w of its
rows; a is tried on sample rows, with both sides rounded, and left out where nothing gains. Queries and keys are
balanced against each other: a factor for a channel of one, its inverse for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Attention, AttentionLogits, LayerNorm, Linear
from vitaccel.ir.views import base, real_users
from vitaccel.quantization.grid import SMALLEST_LIMIT, largest, step
from vitaccel.quantization.readers import mean_users, replace_constant, weight_readers

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
CLIPS = (1.0, 0.8, 0.6, 0.45, 0.3)
COLUMNS = 1024
"""Columns of weights looked at when a strength is chosen."""

GAIN = 0.95
"""Error a strength must stay below, as a share of the error without smoothing, to be taken."""

WIDEST = 256.0
"""Factors lie between its inverse and this."""


@dataclass(frozen=True)
class Smoothing:
    """Factors of the channels of a value: what it was divided by.

    Parameters
    ----------
    value
        The Graph value.
    kind
        ``layernorm``, ``attention`` (the value is the projection ``v``) or ``logits`` (``q``, and ``k`` inversely).
    strength
        The exponent a; 0.5 for ``logits``.
    factors
        One for each channel.
    """

    value: str
    kind: str
    strength: float
    factors: tuple[float, ...]


@dataclass(frozen=True)
class Site:
    """A place where factors may go: ``observed`` is the value that gains, ``source`` the one divided."""

    kind: str
    source: str
    observed: str

    def divided(self, graph: Graph) -> set[str]:
        """Values whose channels the factors divide: the source, what gains, and means of it."""
        return {self.source, self.observed, *mean_users(graph, self.observed)}


def smoothing_sites(graph: Graph) -> list[Site]:
    """Every LayerNorm and attention output whose readers are all matmuls by constants."""
    sites = []
    for name in graph.topological():
        op = graph[name].op
        if isinstance(op, LayerNorm) and all(graph.is_const(i) for i in graph[name].inputs[1:]):
            if weight_readers(graph, name):
                sites.append(Site("layernorm", name, name))
        elif isinstance(op, Attention):
            value = base(graph, graph[name].inputs[1])
            own = _is_projection(graph, value) and real_users(graph, value) == [name]
            if own and weight_readers(graph, name):
                sites.append(Site("attention", value, name))
    return sites


def observed_by(graph: Graph, kind: str, source: str) -> str:
    """The value that gains from factors at a source: the attention of its values, otherwise the source itself."""
    return real_users(graph, source)[0] if kind == "attention" else source


def _is_projection(graph: Graph, name: str) -> bool:
    """Whether a value is a linear layer with constants and nothing fused behind it."""
    node = graph[name]
    plain = isinstance(node.op, Linear) and all(graph.is_const(i) for i in node.inputs[1:])
    fused = any(graph[user].kernel == node.kernel for user in real_users(graph, name))
    leaves = any(base(graph, output) == name for output in graph.outputs)
    return plain and not fused and not leaves


def choose_factors(
    rows: np.ndarray, peak: np.ndarray, matrices: list[np.ndarray], weight_bits: int
) -> tuple[float, np.ndarray]:
    """The strength that leaves the least error in the products, and its factors; strength 0 when none gains.

    Parameters
    ----------
    rows
        Sample of the value, [rows, channels].
    peak
        Largest magnitude of each channel on all images.
    matrices
        Weights of the readers, [channels, columns] each.
    weight_bits
        Width of the weights.
    """
    few = [matrix[:, :: -(-matrix.shape[1] // COLUMNS)] for matrix in matrices]
    weight_peak = np.max([np.abs(matrix).max(axis=1) for matrix in matrices], axis=0)
    best, chosen, strength = _error(rows, few, weight_bits) * GAIN, np.ones(len(peak)), 0.0
    for candidate in STRENGTHS:
        factors = _factors(peak, weight_peak, candidate)
        error = _error(rows / factors, [matrix * factors[:, None] for matrix in few], weight_bits)
        if error < best:
            best, chosen, strength = error, factors, candidate
    return strength, chosen


def _factors(peak: np.ndarray, weight_peak: np.ndarray, strength: float) -> np.ndarray:
    """Factors around 1 as float32 numbers; 1 for a channel that is silent on either side."""
    alive = (peak > SMALLEST_LIMIT) & (weight_peak > SMALLEST_LIMIT)
    if not alive.any():
        return np.ones(len(peak))
    raw = np.where(alive, peak, 1.0) ** strength / np.where(alive, weight_peak, 1.0) ** (1 - strength)
    centred = raw / np.exp(np.log(raw[alive]).mean())
    return np.where(alive, np.clip(centred, 1 / WIDEST, WIDEST), 1.0).astype(np.float32).astype(np.float64)


def _error(rows: np.ndarray, matrices: list[np.ndarray], weight_bits: int) -> float:
    """Error of the products with both sides rounded, as a share of the products' power, averaged over readers."""
    errors = np.zeros(len(CLIPS))
    reach = float(np.abs(rows).max(initial=0.0))
    rounded = [_round(rows, step(reach * clip, 8), 8) for clip in CLIPS]
    for matrix in matrices:
        scale = np.maximum(np.abs(matrix).max(axis=0), SMALLEST_LIMIT) / largest(weight_bits)
        coarse = _round(matrix, scale, weight_bits)
        truth = rows.astype(np.float32) @ matrix.astype(np.float32)
        power = float(np.square(truth).mean()) or 1.0
        for at, part in enumerate(rounded):
            product = part.astype(np.float32) @ coarse.astype(np.float32)
            errors[at] += float(np.square(product - truth).mean()) / power
    return float(errors.min())


def _round(array: np.ndarray, scale: np.ndarray | float, bits: int) -> np.ndarray:
    top = largest(bits)
    rounded: np.ndarray = np.clip(np.floor(array / scale + 0.5), -top - 1, top) * scale
    return rounded


def apply_factors(graph: Graph, site: Site, factors: np.ndarray) -> None:
    """Divide the site's source and multiply the weights that read it; the Graph means the same."""
    node = graph[site.source]
    for operand in node.inputs[1:]:
        replace_constant(graph, operand, (graph.array(operand) / factors).astype(np.float32))
    for reader in weight_readers(graph, site.observed):
        replace_constant(graph, reader.weight, reader.scaled(graph, factors))


def balance_logits(graph: Graph, peaks: Mapping[str, np.ndarray]) -> list[Smoothing]:
    """Balance the channels of queries and keys that only their logits read, where the product's error shrinks."""
    done = []
    for name in graph.topological():
        node = graph[name]
        if not isinstance(node.op, AttentionLogits):
            continue
        q, k = (base(graph, i) for i in node.inputs[:2])
        own = all(_is_projection(graph, side) and real_users(graph, side) == [name] for side in (q, k))
        if not own or q == k:
            continue
        factors = _balance(peaks[q], peaks[k], node.op.heads)
        if factors is None:
            continue
        for side, by in ((q, factors), (k, 1 / factors)):
            for operand in graph[side].inputs[1:]:
                replace_constant(graph, operand, (graph.array(operand) / by).astype(np.float32))
            done.append(Smoothing(side, "logits", 0.5, tuple(by.tolist())))
    return done


def _balance(q: np.ndarray, k: np.ndarray, heads: int) -> np.ndarray | None:
    """Factors to divide queries by; none where no head gains enough.

    An error of one step in q meets k and the other way round, so a head's noise goes as
    ``max(q)^2 sum(k^2) + max(k)^2 sum(q^2)``.
    """
    q, k = q.reshape(heads, -1), k.reshape(heads, -1)
    alive = (q > SMALLEST_LIMIT) & (k > SMALLEST_LIMIT)
    raw = np.sqrt(np.where(alive, q, 1.0) / np.where(alive, k, 1.0))
    # The mean ratio stays with the head's own scale.
    centred = raw / np.exp(np.log(raw).mean(axis=1, keepdims=True))
    factors = np.where(alive, np.clip(centred, 1 / WIDEST, WIDEST), 1.0)
    better = _noise(q / factors, k * factors) < GAIN**2 * _noise(q, k)
    if not better.any():
        return None
    return np.where(better[:, None], factors, 1.0).astype(np.float32).astype(np.float64).reshape(-1)


def _noise(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    noise: np.ndarray = q.max(1) ** 2 * np.square(k).sum(1) + k.max(1) ** 2 * np.square(q).sum(1)
    return noise
