"""Name every kernel by its place in the network: ``embed.patch``, ``block3.attn.q``, ``block3.mlp.fc1``, ``head.norm``.

Names come from structure alone (attention, what feeds it, what follows it), so every export of a model is named alike.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Attention, AttentionLogits, Const, Conv2d, Input, LayerNorm, Linear, Moe, TokenMix
from vitaccel.ir.views import base, is_free_view, real_users
from vitaccel.passes.convolution import is_depthwise


@dataclass(frozen=True)
class Label:
    """Label all nodes; nodes of one kernel share its label."""

    name: ClassVar[str] = "label"

    def run(self, graph: Graph) -> Graph:
        """Return the Graph with labels assigned; ``fuse`` must have run."""
        result = graph.canonical()
        titles = _Titles(result).titles
        seen: Counter[str] = Counter()
        unique: dict[str, str] = {}
        for root in _roots(result):
            title = titles[root]
            seen[title] += 1
            unique[root] = title if seen[title] == 1 else f"{title}{seen[title]}"
        for name in result.topological():
            root = result[name].kernel
            if root in unique:
                result.update(name, label=unique[root])
        return result


def _roots(graph: Graph) -> list[str]:
    return [n for n in graph.topological() if graph[n].kernel == n and not is_free_view(graph, n)]


class _Titles:
    """Titles of kernel roots, found in one walk over the attentions and one over the rest."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.titles: dict[str, str] = {}
        self.block: dict[str, int] = {}
        self.part: dict[str, str] = {}
        attentions = [n for n in _roots(graph) if isinstance(graph[n].op, Attention)]
        self._attentions(attentions)
        self._others()

    def _attentions(self, attentions: list[str]) -> None:
        crosses = [a for a in attentions if self._is_cross(a)]
        block = -1
        for attention in attentions:
            primary = self._reuse(attention) == "none"
            if primary and (attention in crosses or not crosses):
                block += 1
            part = "infuse" if not primary else "gather" if attention in crosses else "attn"
            self._title_attention(attention, max(block, 0), part)

    def _title_attention(self, attention: str, block: int, part: str) -> None:
        logits, value = self.graph[attention].inputs
        stem = f"block{block}.{part}"
        feeds = {"v": value}
        if self._reuse(attention) == "none":
            feeds |= dict(zip(("q", "k"), self.graph[logits].inputs[:2], strict=True))
        self._set(attention, f"{stem}.attention", block, part)
        for title, operand in feeds.items():
            source = self._root(base(self.graph, operand))
            self._set(source, f"{stem}.{title}", block, part)
            if source and isinstance(self.graph[source].op, Linear):
                norm = self._root(base(self.graph, self.graph[source].inputs[0]))
                if norm and isinstance(self.graph[norm].op, LayerNorm):
                    suffix = "" if part != "gather" else "_q" if title == "q" else "_kv"
                    self._set(norm, f"{stem}.norm{suffix}", block, part)
        for user in real_users(self.graph, attention):
            if isinstance(self.graph[user].op, Linear) and self.graph[user].kernel == user:
                self._set(user, f"{stem}.proj", block, part)

    def _others(self) -> None:
        last = max(self.block.values(), default=-1)
        for root in _roots(self.graph):
            block, part = self._inherited(root)
            if root in self.titles:
                continue
            title = self._by_role(root, block, part, last)
            self.block[root], self.part[root] = block, part if part != "attn" else "attn"
            self.titles[root] = title

    def _by_role(self, root: str, block: int, part: str, last: int) -> str:
        op, graph = self.graph[root].op, self.graph
        stem = f"block{block}.{'lookup_mlp' if part == 'infuse' else 'mlp'}"
        if isinstance(op, Moe):
            gate = self._root(base(graph, graph[root].inputs[1]))
            self.titles[gate] = f"block{block}.moe.gate"
            return f"block{block}.moe"
        users = [self._root(u) for u in real_users(graph, self._tail(root))]
        if isinstance(op, LayerNorm) and block >= 0:
            if any(isinstance(graph[u].op, Moe) for u in users):
                return f"block{block}.moe.norm"
            if any(isinstance(graph[u].op, Linear) and self._activated(u) for u in users):
                return f"{stem}.norm"
        if isinstance(op, Linear) and block >= 0:
            feeder = self._root(base(graph, graph[root].inputs[0]))
            if self._activated(root):
                return f"{stem}.fc1"
            if self.titles.get(feeder, "").endswith(".fc1"):
                return self.titles[feeder].removesuffix("fc1") + "fc2"
        where = "embed" if block < 0 else f"block{block}" if block < last else "head"
        if isinstance(op, Conv2d) and block < 0:
            window = graph[graph[root].inputs[1]].type.shape[2:]
            patches = op.stride == window != (1, 1) and op.groups == 1
            return (
                f"{where}.patch" if patches else f"{where}.depthwise" if is_depthwise(graph, root) else f"{where}.conv"
            )
        title = {"Linear": "linear", "LayerNorm": "norm", "TokenMix": "resample"}.get(type(op).__name__, op.name)
        return f"{where}.{title}"

    def _activated(self, root: str) -> bool:
        return any(self.graph[n].kernel == root and self.graph[n].op.name == "activation" for n in self._fused(root))

    def _fused(self, root: str) -> list[str]:
        return [u for u in real_users(self.graph, root) if self.graph[u].kernel == root]

    def _tail(self, root: str) -> str:
        tail = root
        while True:
            following = [u for u in real_users(self.graph, tail) if self.graph[u].kernel == root]
            if not following:
                return tail
            tail = following[0]

    def _inherited(self, root: str) -> tuple[int, str]:
        best = (-1, "")
        for name in (n for n in [root, *self._chain(root)]):
            for operand in self.graph[name].inputs:
                source = self._root(base(self.graph, operand))
                if source and source != root and self.block.get(source, -1) >= best[0]:
                    best = (self.block[source], self.part.get(source, "")) if source in self.block else best
        return best

    def _chain(self, root: str) -> list[str]:
        found, tail = [], root
        while following := [u for u in real_users(self.graph, tail) if self.graph[u].kernel == root]:
            tail = following[0]
            found.append(tail)
        return found

    def _root(self, name: str) -> str:
        node = self.graph[name]
        return "" if isinstance(node.op, Const | Input) else node.kernel

    def _reuse(self, attention: str) -> str:
        op = self.graph[attention].op
        return op.reuse if isinstance(op, Attention) else "none"

    def _is_cross(self, attention: str) -> bool:
        logits = self.graph[attention].inputs[0]
        if self._reuse(attention) != "none" or not isinstance(self.graph[logits].op, AttentionLogits):
            return False
        streams = [self._stream(operand) for operand in self.graph[logits].inputs[:2]]
        return streams[0] != streams[1]

    def _stream(self, name: str) -> str:
        source = base(self.graph, name)
        while isinstance(self.graph[source].op, Linear | LayerNorm | TokenMix) and not isinstance(
            self.graph[source].op, TokenMix
        ):
            source = base(self.graph, self.graph[source].inputs[0])
        return source

    def _set(self, root: str, title: str, block: int, part: str) -> None:
        if root and root not in self.titles:
            self.titles[root], self.block[root], self.part[root] = title, block, part
