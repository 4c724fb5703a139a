"""The ``Attention`` operator of ONNX (opset 23) as logits and attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.heads import Heads, compressed, snapped
from vitaccel.frontend.recognize.spelling import Speller
from vitaccel.frontend.recognize.view import View, whole
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Attention, AttentionLogits, Foreign


def recognize_attention_operator(graph: Graph) -> None:
    """Replace ``Attention`` nodes: four axes ``[B, H, N, d]``, or three and the numbers of heads; grouped queries too.

    Raises
    ------
    UnsupportedError
        If one has a key-value cache, a mask that is computed, softcap, or more than one result in use.
    """
    speller = Speller(graph)
    for name in graph.topological():
        op = graph[name].op
        if not isinstance(op, Foreign) or op.op_type != "Attention":
            continue
        site = _Site(graph, name, op, speller)
        site.refuse_if(op.output != 0, "have one result in use, not present keys, values or scores")
        _rewrite(site)
    graph.prune()


@dataclass(frozen=True)
class _Site:
    graph: Graph
    name: str
    op: Foreign
    speller: Speller

    def operand(self, position: int) -> str | None:
        if position not in self.op.present:
            return None
        return self.graph[self.name].inputs[self.op.present.index(position)]

    def number(self, key: str, default: float = 0.0) -> float:
        value = self.op.attr(key, default)
        return float(value) if isinstance(value, int | float) else default

    def refuse_if(self, wrong: bool, demand: str) -> None:
        if wrong:
            raise UnsupportedError(f"{self.op.op_type} node {self.op.origin!r} must {demand}")

    def shape(self, name: str) -> tuple[int, ...]:
        return self.graph[name].type.static_shape

    def required(self, position: int) -> str:
        name = self.operand(position)
        if name is None:
            raise UnsupportedError(f"{self.op.op_type} node {self.op.origin!r} must have its input {position}")
        return name

    def emit(self, qkv: list[str], heads: int, scale: float, mask: np.ndarray | None) -> str:
        """Add the two nodes on token operands."""
        q, k, v = qkv
        operands = [q, k]
        if mask is not None:
            operands.append(self.graph.add_const(mask, sources=self.graph[self.name].sources))
        channels = self.shape(q)[2] // heads
        sources = self.graph[self.name].sources
        logits = self.graph.add(AttentionLogits(heads, snapped(scale, channels)), operands, sources=sources)
        return self.graph.add(Attention(), [logits, v], sources=sources)


def _rewrite(site: _Site) -> None:
    """Replace the node; its inputs are queries, keys, values and a mask."""
    q, k, v = (site.required(at) for at in (0, 1, 2))
    site.refuse_if(any(at in site.op.present for at in (4, 5, 6)), "have no key-value cache")
    site.refuse_if(site.number("softcap") != 0, "have no softcap")
    shapes = [site.shape(name) for name in (q, k, v)]
    regular = len({len(shape) for shape in shapes}) == 1 and len(shapes[0]) in (3, 4)
    site.refuse_if(not regular, "have queries, keys and values of three or four axes")
    same_tokens = shapes[1][-2] == shapes[2][-2] and len({shape[0] for shape in shapes}) == 1
    site.refuse_if(not same_tokens, "have as many keys as values, and one batch")
    four = len(shapes[0]) == 4
    q_heads = site.shape(q)[1] if four else int(site.number("q_num_heads"))
    k_heads = site.shape(k)[1] if four else int(site.number("kv_num_heads"))
    site.refuse_if(
        q_heads < 1 or k_heads < 1 or q_heads % max(k_heads, 1) != 0, "have query heads a multiple of key heads"
    )
    batch = site.shape(q)[0]
    views = [_split_heads(site, name, heads, q_heads) for name, heads in ((q, q_heads), (k, k_heads), (v, k_heads))]
    site.refuse_if(views[0].shape[3] != views[1].shape[3], "have keys as wide as its queries")
    heads = Heads(batch, q_heads)
    tokens = [_tokens(site, view, heads) for view in views]
    channels = views[0].shape[-1]
    rows, keys = views[0].shape[-2], views[1].shape[-2]
    mask = _mask(site, (batch, q_heads, rows, keys), causal=site.number("is_causal") != 0)
    new = site.emit(tokens, q_heads, site.number("scale", 1 / sqrt(channels)), mask)
    result = site.shape(site.name)
    if four:
        new = heads.restore(site.graph, new, result)
    site.graph.replace_uses(site.name, new)


def _split_heads(site: _Site, name: str, heads: int, repeated: int) -> View:
    """Return queries, keys or values as ``[B, H, N, d]``, key heads repeated for grouped queries."""
    view = whole(site.graph, name)
    if len(view.shape) == 3:
        batch, tokens, channels = view.shape
        site.refuse_if(channels % heads != 0, f"have channels that {heads} heads divide")
        split = view.reshape(batch, tokens, heads, channels // heads)
        assert split is not None
        view = split.transpose(0, 2, 1, 3)
    if heads == repeated:
        return view
    batch, _, tokens, channels = view.shape
    apart = view.reshape(batch, heads, 1, tokens, channels)
    assert apart is not None
    shape = (batch, heads, repeated // heads, tokens, channels)
    grouped = View(view.base, apart.layout.broadcast(shape), view.sources).reshape(batch, repeated, tokens, channels)
    assert grouped is not None
    return grouped


def _tokens(site: _Site, view: View, heads: Heads) -> str:
    merged = heads.tokens(view, view.shape[:-2])
    name = None if merged is None else site.speller.spell(merged)
    assert name is not None
    return name


def _mask(site: _Site, shape: tuple[int, ...], *, causal: bool) -> np.ndarray | None:
    """Return the mask of ONNX ``Attention`` as an additive one, or None when it does nothing."""
    name, rows, keys = site.operand(3), shape[-2], shape[-1]
    mask = np.zeros((1, 1), np.float32)
    if name is not None:
        site.refuse_if(not site.graph.is_const(name), "have a constant mask, not a computed one")
        given = site.graph.array(name)
        mask = np.where(given, np.float32(0), np.float32(-np.inf)) if given.dtype == np.bool_ else given
        fits = 1 <= mask.ndim <= 4 and mask.shape[-1] == keys
        fits = fits and all(m in (1, s) for m, s in zip(mask.shape[::-1], shape[::-1], strict=False))
        site.refuse_if(not fits, f"have a mask that broadcasts to {shape}")
    if causal:
        mask = mask + np.where(np.tri(rows, keys, dtype=np.bool_), np.float32(0), np.float32(-np.inf))
    if not mask.any():
        return None
    full = np.broadcast_to(mask, shape)
    sound = not (np.isneginf(full).all(axis=-1).any() or np.isnan(full).any() or np.isposinf(full).any())
    site.refuse_if(not sound, "have a mask that is finite or -inf and leaves every query at least one key")
    return compressed(full)
