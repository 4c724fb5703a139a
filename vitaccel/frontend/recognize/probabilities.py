"""What is done with attention probabilities: applied as they are, transposed, or averaged over the heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from vitaccel.frontend.recognize.heads import SNAP, Heads
from vitaccel.frontend.recognize.layout import Layout
from vitaccel.frontend.recognize.match import is_foreign, reduced_axes
from vitaccel.frontend.recognize.scores import MASK_LIMIT, Scores
from vitaccel.frontend.recognize.view import View, Views
from vitaccel.ir.graph import Graph

Upright = Mapping[str, Sequence[Scores]]


@dataclass(frozen=True)
class Use:
    """How a softmax reaches a product with values.

    Parameters
    ----------
    softmax
        Its name.
    reuse
        One of :data:`vitaccel.ir.ops.REUSES`.
    flipped
        The logits are those of the score product with its operands exchanged.
    sources
        ONNX nodes between the softmax and the product.
    """

    softmax: str
    reuse: str
    flipped: bool
    sources: frozenset[str]


def find_use(
    graph: Graph, views: Views, view: View, scores: Mapping[str, Scores], upright: Upright, heads: Mapping[str, Heads]
) -> Use | None:
    """Return how a view ``[..., rows, contracted]`` uses a softmax of scores, or None when it is no such thing.

    Parameters
    ----------
    graph, views
        The Graph and its views.
    view
        Left operand of a product with values.
    scores
        Every softmax of scores by name.
    upright
        The scores that a softmax sees as their product has them, by the name of the product.
    heads
        Heads of every score product by name.
    """
    softmax, sources = view.base, view.sources
    averaged = softmax not in scores
    if averaged:
        found = _averaged(graph, views, softmax, scores, heads)
        if found is None:
            return None
        sources |= graph[softmax].sources
        softmax = found
    turned = _is_turned(view, graph[view.base].type.static_shape)
    if turned is None or (averaged and not turned):
        return None
    reuse, flipped = _named(scores[softmax], upright, turned=turned, averaged=averaged)
    return Use(softmax, reuse, flipped, sources)


def _averaged(
    graph: Graph, views: Views, name: str, scores: Mapping[str, Scores], heads: Mapping[str, Heads]
) -> str | None:
    """Return the softmax whose mean over the heads a value is, or None."""
    if not is_foreign(graph, name, "ReduceMean"):
        return None
    view, axes = views.of(graph[name].inputs[0]), reduced_axes(graph, name)
    if view.base not in scores or axes is None or len(axes) != 1:
        return None
    rows = graph[view.base].type.static_shape
    axis, shape, wanted = axes[0], view.shape, heads[scores[view.base].product]
    if not view.layout.is_contiguous(prod(rows)) or shape[-2:] != rows[-2:] or axis >= len(shape) - 2:
        return None
    return view.base if (prod(shape[:axis]), shape[axis]) == (wanted.batch, wanted.heads) else None


def _is_turned(view: View, base: tuple[int, ...]) -> bool | None:
    """Return whether the last two axes of the base are exchanged, or None when anything else is done to it."""
    rows, keys = base[-2:]
    flat = Layout.contiguous((prod(base[:-2]), rows, keys))
    if view.shape[-2:] == (rows, keys) and view.layout.same_elements(flat):
        return False
    if view.shape[-2:] == (keys, rows) and view.layout.same_elements(flat.transpose((0, 2, 1))):
        return True
    return None


def _named(mine: Scores, upright: Upright, *, turned: bool, averaged: bool) -> tuple[str, bool]:
    if averaged:
        return "head_mean_T", mine.turned
    if turned:
        return "post_softmax_T", mine.turned
    if mine.turned and any(_is_twin(mine, theirs) for theirs in upright.get(mine.product, ())):
        return "pre_softmax_T", False
    return "none", mine.turned


def _is_twin(mine: Scores, theirs: Scores) -> bool:
    """Whether two softmaxes of one product, which see it turned and as it is, see the same scores."""
    if abs(theirs.scale - mine.scale) > SNAP * abs(mine.scale):
        return False
    if mine.mask is None or theirs.mask is None:
        return mine.mask is theirs.mask
    if prod(mine.shape) > MASK_LIMIT:
        return False
    turned = np.swapaxes(np.broadcast_to(mine.mask, mine.shape), -1, -2)
    return np.array_equal(np.broadcast_to(theirs.mask, theirs.shape).reshape(-1), turned.reshape(-1))
