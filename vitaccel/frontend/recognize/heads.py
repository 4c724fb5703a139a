"""Heads: the last two axes of a batched product as tokens with the heads side by side, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from vitaccel.frontend.recognize.match import in_16_bits
from vitaccel.frontend.recognize.spelling import Speller
from vitaccel.frontend.recognize.view import View
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Reshape, Transpose

SNAP = 1e-6
"""A scale within this relative distance of ``1 / sqrt(d)`` is it."""


@dataclass(frozen=True)
class Heads:
    """How the leading axes of a product are read.

    Parameters
    ----------
    batch, heads
        Their product is the number of matrices; the heads of one image are neighbours.
    """

    batch: int
    heads: int

    def tokens(self, view: View, lead: tuple[int, ...], *, turned: bool = False) -> View | None:
        """Return ``[..., n, d]`` (or ``[..., d, n]`` if ``turned``), repeated to the leading axes, as ``[B, n, H d]``.

        None where strides cannot express it.
        """
        last = view.shape[-2:]
        tokens, channels = reversed(last) if turned else last
        repeated = replace(view, layout=view.layout.broadcast((*lead, *last)))
        split = repeated.reshape(self.batch, self.heads, *last)
        if split is None:
            return None
        ordered = split.transpose(0, 3, 1, 2) if turned else split.transpose(0, 2, 1, 3)
        return ordered.reshape(self.batch, tokens, self.heads * channels)

    def restore(self, graph: Graph, name: str, shape: tuple[int, ...], *, turned: bool = False) -> str:
        """Return tokens ``[B, n, H d]`` as a product ``[..., n, d]`` (or ``[..., d, n]``) of the given shape."""
        batch, tokens, channels = graph[name].type.static_shape
        split = graph.add(Reshape((batch, tokens, self.heads, channels // self.heads)), [name])
        moved = graph.add(Transpose((0, 2, 3, 1) if turned else (0, 2, 1, 3)), [split])
        return graph.add(Reshape(shape), [moved])


def spell_tokens(
    speller: Speller, candidates: tuple[View, ...], heads: Heads, lead: tuple[int, ...], *, turned: bool
) -> str:
    """Write the first of several equal views that strides can express as tokens; the last one must be a whole value."""
    for view in candidates:
        merged = heads.tokens(view, lead, turned=turned)
        name = None if merged is None else speller.spell(merged)
        if name is not None:
            return name
    raise AssertionError(f"heads of the whole value {candidates[-1].base} must be expressible")


def snapped(scale: float, channels: int) -> float:
    """Return a scale in single precision, exactly ``1 / sqrt(d)`` when it is that up to rounding."""
    natural = 1 / sqrt(channels)
    is_natural = any(abs(scale - known) <= SNAP * natural for known in (natural, *_rounded(channels)))
    return float(np.float32(natural if is_natural else scale))


def _rounded(channels: int) -> Iterator[float]:
    """Yield what 16-bit models make of ``1 / sqrt(d)``.

    It is rounded itself, or comes from the rounded divisor ``sqrt(d)``; or ``d^-1/4`` on each side is rounded, or is
    the rounded root of either of those.
    """
    for at in (0, 1):
        whole = in_16_bits(1 / sqrt(channels))[at]
        divided = 1 / in_16_bits(sqrt(channels))[at]
        yield from (whole, divided, in_16_bits(divided)[at])
        for root in (channels**-0.25, sqrt(whole), sqrt(in_16_bits(divided)[at])):
            yield in_16_bits(root)[at] ** 2


def compressed(array: np.ndarray) -> np.ndarray:
    """Return an array with every axis along which it only repeats cut to size 1; it broadcasts to the same."""
    for axis in range(array.ndim):
        first = array.take([0], axis=axis)
        if array.shape[axis] > 1 and (array.strides[axis] == 0 or bool((array == first).all())):
            array = first
    return array
