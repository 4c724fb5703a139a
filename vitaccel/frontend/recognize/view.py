"""Views in a Graph: what a chain of view ops means."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vitaccel.frontend.recognize.layout import Layout
from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.ops import Broadcast, Reshape, Slice, Transpose

VIEW_OPS = (Reshape, Transpose, Slice, Broadcast)

SOURCES_LIMIT = 32
"""Most view ops of a chain whose ONNX nodes are remembered; without a limit a chain would cost its length squared."""


@dataclass(frozen=True)
class View:
    """Elements of a base value in some order.

    Parameters
    ----------
    base
        Name of the value the elements come from.
    layout
        Which elements, in which shape.
    sources
        ONNX nodes of the view ops between the base and the view.
    """

    base: str
    layout: Layout
    sources: frozenset[str] = frozenset()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the view."""
        return self.layout.shape

    def reshape(self, *shape: int) -> View | None:
        """Return the view in another shape, or None where strides cannot express it."""
        layout = self.layout.reshape(shape)
        return None if layout is None else replace(self, layout=layout)

    def transpose(self, *perm: int) -> View:
        """Return the view with its axes in another order."""
        return replace(self, layout=self.layout.transpose(perm))


class Views:
    """The views of a Graph, each resolved once.

    A resolved view stays valid while its base and the ops between are not changed; new nodes may be added freely.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, View] = {}

    def of(self, name: str) -> View:
        """Return the view that a value is; a value that no view op makes is the whole of itself."""
        chain: list[str] = []
        while name not in self._known and _is_view(self._graph, name):
            chain.append(name)
            name = self._graph[name].inputs[0]
        if name not in self._known:
            self._known[name] = whole(self._graph, name)
        for name in reversed(chain):
            self._known[name] = self._apply(name)
        return self._known[name]

    def _apply(self, name: str) -> View:
        node = self._graph[name]
        inner = self._known[node.inputs[0]]
        layout = applied(inner.layout, node)
        if layout is None:
            return whole(self._graph, name)
        short = len(inner.sources) < SOURCES_LIMIT
        return View(inner.base, layout, inner.sources | node.sources if short else inner.sources)


def whole(graph: Graph, name: str) -> View:
    """Return a value as the view of all of itself."""
    node = graph[name]
    shape = node.type.static_shape if node.type.is_static else ()
    return View(name, Layout.contiguous(shape))


def _is_view(graph: Graph, name: str) -> bool:
    node = graph[name]
    if not isinstance(node.op, VIEW_OPS) or not node.type.is_static or not graph[node.inputs[0]].type.is_static:
        return False
    return node.type.size > 0


def applied(layout: Layout, node: Node) -> Layout | None:
    """Return the layout that a view op makes of its operand's layout, or None where strides cannot express it."""
    match node.op:
        case Reshape(shape=shape):
            return layout.reshape(shape)
        case Transpose(perm=perm):
            return layout.transpose(perm)
        case Slice(axis=axis, start=start, stop=stop):
            return layout.slice(axis, start, stop)
        case Broadcast(shape=shape):
            return layout.broadcast(shape)
    raise AssertionError(node.op)
