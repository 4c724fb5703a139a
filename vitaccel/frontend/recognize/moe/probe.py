"""What a region is run on: tokens, router logits and weights that make its meaning visible.

Every expert is the first choice of some token, so that a missing or misplaced expert shows. Expert 0 is wanted by all,
by some first and by others second, so that every capacity below the number of tokens overflows and the order of
dropping shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from vitaccel.ir.graph import Graph

Array = np.ndarray

_FIRST, _SECOND = 3.0, 1.5
"""Added to the logit, random in 0 to 1, of the expert that a token is to choose first, and of the one wanted by all."""

_ALONE = 40.0
"""A logit so far above all others that its softmax is 1 in float32."""


def telling_logits(tokens: int, experts: int, *, smallest_k: int) -> Iterator[Array]:
    """Router logits, each (S, E), one run each.

    Parameters
    ----------
    tokens, experts
        S and E. With fewer tokens than experts it takes several runs to choose every expert first.
    smallest_k
        Least number of experts per token that the router may choose. With one, a token cannot choose an expert of its
        own and expert 0 too: a run in which all choose expert 0 is added.
    """
    every_second = np.where(np.arange(tokens) % 2, np.arange(tokens) // 2 % experts, -1)
    for start in range(0, experts, tokens):
        named = np.arange(start, min(start + tokens, experts))
        yield _logits(tokens, experts, first=np.concatenate([named, every_second[named.size :]]))
    if smallest_k == 1:
        yield _logits(tokens, experts, first=np.full(tokens, -1))


def _logits(tokens: int, experts: int, *, first: Array) -> Array:
    """Logits by which token s chooses ``first[s]`` first, and expert 0 next; -1 for expert 0 first."""
    logits = np.random.default_rng(2).random((tokens, experts), dtype=np.float32)
    logits[:, 0] += _SECOND
    named = np.flatnonzero(first >= 0)
    logits[named, first[named]] += _FIRST
    return logits


def lonely_logits(tokens: int, experts: int) -> Array:
    """Router logits (S, E) by which token e goes to expert e with a score of 1, for every e below S."""
    return _ALONE * np.eye(tokens, experts, dtype=np.float32)


def random_tokens(shape: tuple[int, ...]) -> Array:
    """Tokens, uniform in -1 to 1."""
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def random_weights(graph: Graph, names: Iterable[str]) -> dict[str, Array]:
    """An array in the place of each constant, uniform in -1/2 to 1/2."""
    rng = np.random.default_rng(3)
    half = np.float32(0.5)
    return {name: rng.random(graph[name].type.static_shape, dtype=np.float32) - half for name in dict.fromkeys(names)}
