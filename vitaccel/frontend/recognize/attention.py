"""Scaled-dot-product attention in every form: the logits, and what is done with their softmax."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.heads import Heads, compressed, snapped, spell_tokens
from vitaccel.frontend.recognize.leftovers import refuse_leftovers
from vitaccel.frontend.recognize.match import is_foreign, place, scalar
from vitaccel.frontend.recognize.probabilities import Use, find_use
from vitaccel.frontend.recognize.scale import scale_along, scale_behind
from vitaccel.frontend.recognize.scores import MASK_LIMIT, Scores, peeled, trace_scores
from vitaccel.frontend.recognize.spelling import Speller
from vitaccel.frontend.recognize.view import Views, whole
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Attention, AttentionLogits, MatMul, Softmax


def recognize_attention(graph: Graph) -> None:
    """Replace products, scalings, masks, softmax and products by ``attention_logits`` and ``attention``.

    Recognised with any reshapes and transposes in between, heads split off or merged with the batch:
    ``softmax(s Q K^T + mask) V``, and on the same scores the transposed probabilities, the softmax of the transposed
    scores, and the transposed mean of the probabilities over the heads.

    Raises
    ------
    UnsupportedError
        If a softmax of scores is applied to values with something in between that is none of these, or if a mask hides
        every key of a query.
    """
    _drop_guards(graph)
    rewriter = _Rewriter(graph)
    for name in graph.topological():
        if isinstance(graph[name].op, Softmax):
            rewriter.note(name)
    for name in graph.topological():
        if isinstance(graph[name].op, MatMul):
            rewriter.apply(name)
    graph.prune()
    refuse_leftovers(graph)


def _drop_guards(graph: Graph) -> None:
    """Remove ``where(isnan(p), 0, p)`` around a softmax: only a row without any key needs it, and that is refused."""
    for name in graph.topological():
        if not is_foreign(graph, name, "Where"):
            continue
        condition, zero, kept = graph[name].inputs
        guards = is_foreign(graph, condition, "IsNaN") and graph[condition].inputs[0] == kept
        if guards and scalar(graph, zero) == 0.0 and isinstance(graph[kept].op, Softmax):
            graph.update(kept, sources=graph[kept].sources | graph[name].sources | graph[condition].sources)
            graph.replace_uses(name, kept)


def batch_of(graph: Graph) -> int:
    """Return the leading dimension of the first graph input, 1 without one."""
    shape = graph[graph.inputs[0]].type.shape if graph.inputs else ()
    return (shape[0] if shape else None) or 1


@dataclass
class _Rewriter:
    graph: Graph
    scores: dict[str, Scores] = field(default_factory=dict)
    upright: dict[str, list[Scores]] = field(default_factory=dict)
    heads: dict[str, Heads] = field(default_factory=dict)
    logits: dict[tuple[object, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.views = Views(self.graph)
        self.speller = Speller(self.graph)
        self.batch = batch_of(self.graph)

    def note(self, softmax: str) -> None:
        """Keep a softmax if its argument is scores."""
        found = trace_scores(self.graph, self.graph[softmax].inputs[0])
        if found is not None:
            self.scores[softmax] = found
            self.heads[found.product] = self._heads(found.product)
            if not found.turned:
                self.upright.setdefault(found.product, []).append(found)

    def apply(self, product: str) -> None:
        """Rewrite a product one of whose operands is probabilities; on the right, both are transposed."""
        left, right = self.graph[product].inputs
        for weights, values, turned in ((left, right, False), (right, left, True)):
            view = self.views.of(weights)
            if turned:
                rank = len(view.shape)
                view = view.transpose(*range(rank - 2), rank - 1, rank - 2)
            use = find_use(self.graph, self.views, view, self.scores, self.upright, self.heads)
            if use is not None and self._rewrite(product, weights, values, use, turned=turned):
                return

    def _rewrite(self, product: str, weights: str, values: str, use: Use, *, turned: bool) -> bool:
        graph = self.graph
        heads = self.heads[self.scores[use.softmax].product]
        if use.reuse == "head_mean_T":
            heads = Heads(heads.batch, 1)
        shape = graph[product].type.static_shape
        if prod(shape[:-2]) != heads.batch * heads.heads:
            return False
        candidates = (self.views.of(values), whole(graph, values))
        v = spell_tokens(self.speller, candidates, heads, shape[:-2], turned=turned)
        self._give_scale(values, v)
        sources = graph[use.softmax].sources | graph[product].sources | use.sources | candidates[0].sources
        new = graph.add(Attention(use.reuse), [self._logits(use), v], sources=sources)
        mean = self.views.of(weights).base
        if use.reuse == "head_mean_T" and graph[mean].scale:
            graph.update(new, inner_scale=graph[mean].scale)
        graph.replace_uses(product, heads.restore(graph, new, shape, turned=turned))
        return True

    def _heads(self, product: str) -> Heads:
        """Return how the leading axes of a score product divide into batch and heads.

        Four axes and more end in ``(heads, M, N)``. With three, queries that come with that many images have one head
        (keys, where the queries are constant); else the leading axis is the batch of the graph times the heads.
        """
        node = self.graph[product]
        lead = node.type.static_shape[:-2]
        if len(lead) != 1:
            return Heads(prod(lead[:-1]), lead[-1] if lead else 1)
        sources = [peeled(self.graph, operand)[0].base for operand in node.inputs]
        computed = next((source for source in sources if not self.graph.is_const(source)), sources[0])
        shape = self.graph[computed].type.static_shape
        if (len(shape) == 3 and shape[0] == lead[0]) or lead[0] % self.batch:
            return Heads(lead[0], 1)
        return Heads(self.batch, lead[0] // self.batch)

    def _logits(self, use: Use) -> str:
        """Return the logits of a softmax, made at its first use."""
        graph, scores = self.graph, self.scores[use.softmax]
        product = graph[scores.product]
        operands = [self._operand(product.inputs[at], scores, at) for at in (0, 1)]
        (queries, q_scale, q_sources), (keys, k_scale, k_sources) = operands
        if use.flipped:
            queries, keys = keys, queries
        scale = snapped(scores.scale * q_scale * k_scale, graph[product.inputs[0]].type.static_shape[-1])
        mask = self._mask(scores, exchanged=scores.turned != use.flipped)
        key = (queries, keys, scale, None if mask is None else (mask.shape, mask.tobytes()))
        if key not in self.logits:
            inputs = [queries, keys]
            if mask is not None:
                inputs.append(graph.add_const(mask, sources=scores.sources))
            self.logits[key] = graph.add(AttentionLogits(self.heads[scores.product].heads, scale), inputs)
        name = self.logits[key]
        sources = graph[name].sources | product.sources | scores.sources | q_sources | k_sources
        graph.update(name, sources=sources)
        found = scale_behind(graph, graph[use.softmax].inputs[0])
        if found is not None:
            found.give(graph, name)
        return name

    def _give_scale(self, operand: str, spelled: str) -> None:
        """Let tokens keep the scale of the operand that they are read as."""
        found = scale_along(self.graph, operand)
        if found is not None and not self.graph[self.views.of(spelled).base].scale:
            found.give(self.graph, spelled)

    def _operand(self, name: str, scores: Scores, position: int) -> tuple[str, float, frozenset[str]]:
        """Return queries or keys as tokens, the scalar factor taken out of them, and the ONNX nodes looked through."""
        heads, lead = self.heads[scores.product], self.graph[scores.product].type.static_shape[:-2]
        view, factor = peeled(self.graph, name)
        merged = heads.tokens(view, lead, turned=position == 1)
        spelled = None if merged is None else self.speller.spell(merged)
        if spelled is not None:
            self._give_scale(name, spelled)
            return spelled, factor, view.sources
        plain = spell_tokens(self.speller, (whole(self.graph, name),), heads, lead, turned=position == 1)
        return plain, 1.0, frozenset()

    def _mask(self, scores: Scores, *, exchanged: bool) -> np.ndarray | None:
        """Return the mask of the logits, broadcastable to (B, H, M, N), or None."""
        if scores.mask is None:
            return None
        heads = self.heads[scores.product]
        *lead, rows, keys = (1,) * (len(scores.shape) - scores.mask.ndim) + scores.mask.shape
        mask = scores.mask.reshape(*lead, rows, keys)
        hides_all = bool(np.isneginf(mask).all(axis=-1).any())
        batched = (heads.batch, heads.heads) if prod(lead) > 1 else (1, 1)
        too_large = prod(batched) * rows * keys > MASK_LIMIT
        if hides_all or too_large or np.isnan(mask).any() or np.isposinf(mask).any():
            raise UnsupportedError(
                f"the attention mask added at ONNX node {place(self.graph, scores.product)} must be finite "
                f"or -inf, leave every query at least one key, and have at most {MASK_LIMIT} elements"
            )
        if prod(lead) > 1:
            mask = np.broadcast_to(mask, (*scores.shape[:-2], rows, keys))
        mask = mask.reshape(*batched, rows, keys)
        return compressed(np.swapaxes(mask, -1, -2) if exchanged else mask)
