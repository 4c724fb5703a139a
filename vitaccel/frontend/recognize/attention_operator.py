"""The attention operators of ONNX (opset 23) and of ``com.microsoft`` as logits and attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.heads import Heads, compressed, snapped
from vitaccel.frontend.recognize.view import Speller, View, whole
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Attention, AttentionLogits, Foreign, Linear, Slice


def recognize_attention_operator(graph: Graph) -> None:
    """Replace ``Attention`` and ``com.microsoft`` ``Attention`` and ``MultiHeadAttention`` nodes.

    Raises
    ------
    UnsupportedError
        If one has a key-value cache, a mask that is computed, softcap, or more than one result in use.
    """
    speller = Speller(graph)
    for name in graph.topological():
        op = graph[name].op
        if not isinstance(op, Foreign) or op.op_type not in ("Attention", "MultiHeadAttention"):
            continue
        site = _Site(graph, name, op, speller)
        site.refuse_if(op.output != 0, "have one result in use, not present keys, values or scores")
        if op.domain == "com.microsoft":
            _replace_microsoft(site)
        elif op.op_type == "Attention":
            _replace_standard(site)
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


def _replace_standard(site: _Site) -> None:
    """ONNX ``Attention``: Q, K, V, mask; four axes ``[B, H, N, d]``, or three and the numbers of heads."""
    q, k, v = (site.required(at) for at in (0, 1, 2))
    site.refuse_if(any(at in site.op.present for at in (4, 5, 6)), "have no key-value cache")
    site.refuse_if(site.number("softcap") != 0, "have no softcap")
    site.refuse_if(site.number("qk_matmul_output_mode") != 0, "have no scores as a result")
    four = len(site.shape(q)) == 4
    q_heads = site.shape(q)[1] if four else int(site.number("q_num_heads"))
    k_heads = site.shape(k)[1] if four else int(site.number("kv_num_heads"))
    site.refuse_if(
        q_heads < 1 or k_heads < 1 or q_heads % max(k_heads, 1) != 0, "have query heads a multiple of key heads"
    )
    batch = site.shape(q)[0]
    views = [_split_heads(site, name, heads, q_heads) for name, heads in ((q, q_heads), (k, k_heads), (v, k_heads))]
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
        site.refuse_if(mask.ndim == 0 or mask.shape[-1] != keys, f"have a mask of {keys} keys")
    if causal:
        mask = mask + np.where(np.tri(rows, keys, dtype=np.bool_), np.float32(0), np.float32(-np.inf))
    if not mask.any():
        return None
    full = np.broadcast_to(mask, shape)
    sound = not (np.isneginf(full).all(axis=-1).any() or np.isnan(full).any() or np.isposinf(full).any())
    site.refuse_if(not sound, "have a mask that is finite or -inf and leaves every query at least one key")
    return compressed(full)


def _replace_microsoft(site: _Site) -> None:
    """``com.microsoft`` ``MultiHeadAttention`` (projected Q, K, V and a bias) or ``Attention`` (which projects)."""
    heads = int(site.number("num_heads"))
    site.refuse_if(heads < 1, "have num_heads")
    site.refuse_if(site.number("unidirectional") != 0, "be bidirectional")
    site.refuse_if(bool(site.number("do_rotary")), "have no rotary embedding")
    qkv = _projected(site) if site.op.op_type == "Attention" else _given(site)
    channels = site.shape(qkv[0])[2] // heads
    scale = site.number("scale") or 1 / sqrt(channels)
    new = site.emit(qkv, heads, scale, None)
    site.refuse_if(site.shape(new) != site.shape(site.name), "have queries, keys and values of three axes")
    site.graph.replace_uses(site.name, new)


def _projected(site: _Site) -> list[str]:
    """Q, K, V of ``Attention``: input, weight ``[D, Dq + Dk + Dv]``, bias."""
    x, weight, bias = site.required(0), site.required(1), site.operand(2)
    site.refuse_if(any(at > 2 for at in site.op.present), "have no mask, cache or bias of scores")
    constant = site.graph.is_const(weight) and (bias is None or site.graph.is_const(bias))
    site.refuse_if(not constant, "have constant weights")
    graph, sources = site.graph, site.graph[site.name].sources
    packed = graph.add(Linear(), [x, weight, *([bias] if bias else [])], sources=sources)
    width = site.shape(packed)[2]
    sizes = site.op.attr("qkv_hidden_sizes") or (width // 3,) * 3
    site.refuse_if(not isinstance(sizes, tuple) or len(sizes) != 3, "have three hidden sizes")
    assert isinstance(sizes, tuple)
    stops = np.cumsum([int(size) for size in sizes]).tolist()
    site.refuse_if(stops[-1] != width, f"have hidden sizes of {width} in all")
    return [graph.add(Slice(2, a, b), [packed], sources=sources) for a, b in zip([0, *stops], stops, strict=False)]


def _given(site: _Site) -> list[str]:
    """Q, K, V of ``MultiHeadAttention``: three values ``[B, N, D]`` and one bias for all."""
    bias = site.operand(3)
    site.refuse_if(any(at > 3 for at in site.op.present), "have no mask, cache or bias of scores")
    site.refuse_if(not {0, 1, 2} <= set(site.op.present), "have separate queries, keys and values")
    values = [site.required(at) for at in (0, 1, 2)]
    site.refuse_if(any(len(site.shape(n)) != 3 for n in values), "have queries, keys and values of three axes")
    site.refuse_if(bias is not None and not site.graph.is_const(bias), "have a constant bias")
    if bias is not None:
        array, start = site.graph.array(bias), 0
        site.refuse_if(array.size != sum(site.shape(n)[2] for n in values), "have a bias for every channel")
        for at, name in enumerate(values):
            width = site.shape(name)[2]
            part = array.reshape(-1)[start : start + width]
            constant = site.graph.add_const(part, parameter=True, sources=site.graph[bias].sources)
            values[at] = site.graph.add(Add(), [name, constant], sources=site.graph[site.name].sources)
            start += width
    return values
