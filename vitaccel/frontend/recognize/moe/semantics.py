"""What ``Moe`` means, in NumPy: the right-hand side of every proof that a region of ONNX nodes is one.

The activation is left out on purpose: a region is compared with :func:`stand_in` in the place of the activation on both
sides. It is a polynomial, neither odd, even nor homogeneous, so a score on the wrong side of the activation shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitaccel.ir.ops import Moe

Array = np.ndarray


def stand_in(x: Array) -> Array:
    """``x + x^2 / 2``, in the place of every activation."""
    return np.asarray(x * (1 + 0.5 * x))


@dataclass(frozen=True)
class ExpertArrays:
    """Weights of E experts: ``w1 (E, D, h)``, ``b1 (E, h)``, ``w2 (E, h, D2)``, ``b2 (E, D2)``."""

    w1: Array
    b1: Array
    w2: Array
    b2: Array


def evaluate_moe(op: Moe, x: Array, logits: Array, weights: ExpertArrays) -> Array:
    """Value of ``op`` on tokens.

    Parameters
    ----------
    op
        Its ``activation`` is ignored: :func:`stand_in` takes its place.
    x
        Tokens, (S, D).
    logits
        Router logits, (S, E).
    weights
        The experts.

    Returns
    -------
    Array
        ``sum_j score_j * (act(x @ w1_e + b1_e) @ w2_e + b2_e)`` over the kept choices of each token, (S, D2).
    """
    chosen = np.argsort(-logits, axis=-1, kind="stable")[:, : op.k]
    scores = np.where(_kept(op, chosen), _scores(op, logits, chosen), 0).astype(np.float32)
    result = np.zeros((x.shape[0], weights.w2.shape[2]), np.float32)
    for expert in range(op.experts):
        token, choice = np.nonzero((chosen == expert) & (scores != 0))
        hidden = stand_in(x[token] @ weights.w1[expert] + weights.b1[expert])
        result[token] += scores[token, choice, None] * (hidden @ weights.w2[expert] + weights.b2[expert])
    return result


def softmax(x: Array) -> Array:
    """Softmax over the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _scores(op: Moe, logits: Array, chosen: Array) -> Array:
    if op.score == "softmax_topk":
        return softmax(np.take_along_axis(logits, chosen, axis=-1))
    probabilities = np.take_along_axis(softmax(logits), chosen, axis=-1)
    if op.score == "renorm":
        return np.asarray(probabilities / probabilities.sum(axis=-1, keepdims=True))
    return probabilities


def _kept(op: Moe, chosen: Array) -> Array:
    """Which assignments (S, k) are among the first ``capacity`` of their expert, counted in drop order."""
    if not op.capacity:
        return np.ones(chosen.shape, np.bool_)
    queue = chosen if op.order == "token" else chosen.T
    taken = np.zeros(op.experts, np.int64)
    kept = np.zeros(queue.shape, np.bool_)
    for place, expert in np.ndenumerate(queue):
        kept[place] = taken[expert] < op.capacity
        taken[expert] += 1
    return kept if op.order == "token" else kept.T
