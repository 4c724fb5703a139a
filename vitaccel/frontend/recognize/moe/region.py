"""Where a mixture of experts begins and ends in the Graph.

It ends at a value that every path from the router's choice to the outputs passes (a post-dominator of the two TopK
results), and begins at the router logits and at the tokens. Everything is found by walks that stay inside the layer,
so a network with L layers costs O(nodes), not O(L * nodes).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Input, LayerNorm, Moe, Reshape

FENCES = (Input, LayerNorm, Moe)
"""Ops that a layer of experts does not contain: walks stop at them."""


def meeting_points(graph: Graph, sources: Sequence[str], position: Mapping[str, int]) -> Iterator[str]:
    """Values that every path from the sources to an output passes, nearest first.

    Parameters
    ----------
    graph
        The Graph.
    sources
        Where the paths begin.
    position
        Index of every live node in a topological order.
    """
    queue = [(position[name], name) for name in sources]
    heapq.heapify(queue)
    met = set(sources)
    outputs = set(graph.outputs)
    while queue:
        _, name = heapq.heappop(queue)
        if not queue:
            # Everything reached so far leads here: any other path would have a node waiting.
            yield name
        if name in outputs:
            return
        for user in graph.users(name):
            if user in position and user not in met:
                met.add(user)
                heapq.heappush(queue, (position[user], user))


def router_cone(graph: Graph, logits: str) -> frozenset[str]:
    """The values the router logits are made of, back to and including the normalisation before them."""
    cone: set[str] = set()
    stack = [logits]
    while stack:
        name = stack.pop()
        if name in cone:
            continue
        cone.add(name)
        if not isinstance(graph[name].op, FENCES):
            stack.extend(graph[name].inputs)
    return frozenset(cone)


@dataclass(frozen=True)
class Region:
    """The nodes between the entries and one meeting point.

    Parameters
    ----------
    end
        The meeting point.
    nodes
        Names in topological order, ``end`` last.
    constants
        Constants that the nodes read.
    tokens
        The one value that enters beside the router logits: the tokens given to the experts.
    """

    end: str
    nodes: tuple[str, ...]
    constants: tuple[str, ...]
    tokens: str


class RegionGrower:
    """Regions that end at ever later meeting points of one router.

    Parameters
    ----------
    graph
        The Graph.
    logits
        The router logits.
    position
        Index of every live node in a topological order.
    """

    def __init__(self, graph: Graph, logits: str, position: Mapping[str, int]) -> None:
        self._graph = graph
        self._logits = logits
        self._position = position
        self._cone = router_cone(graph, logits)
        self._nodes: set[str] = set()
        self._constants: dict[str, None] = {}
        self._entries: set[str] = set()

    @property
    def overgrown(self) -> bool:
        """Whether more than the tokens and the logits enter, so that later ends need not be tried."""
        return len(self._entries) > 1

    def grow(self, end: str) -> Region | None:
        """Return the region that ends at ``end``, or None unless it is entered by the tokens and the logits alone."""
        stack = [end]
        while stack:
            name = stack.pop()
            if name in self._nodes or name == self._logits:
                continue
            op = self._graph[name].op
            if isinstance(op, Const):
                self._constants[name] = None
            elif name not in self._position:
                # Made by an earlier rewrite, so of an earlier layer.
                self._entries.add(name)
            elif isinstance(op, FENCES) or (name in self._cone and not isinstance(op, Reshape)):
                self._entries.add(name)
            else:
                self._nodes.add(name)
                stack.extend(reversed(self._graph[name].inputs))
        if len(self._entries) != 1:
            return None
        order = tuple(sorted(self._nodes, key=self._position.__getitem__))
        (tokens,) = self._entries
        return Region(end, order, tuple(self._constants), tokens)
