"""Images and tokens: when a view of an image is really its tokens, and the other way round."""

from __future__ import annotations

from dataclasses import replace

from vitaccel.frontend.recognize.box import split_factors
from vitaccel.frontend.recognize.layout import Factor, Layout
from vitaccel.frontend.recognize.view import View
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Conv2d, FromTokens, Mul, Pool2d, Resize2d, ToTokens

IMAGE_OPS = (Conv2d, Pool2d, Resize2d)
"""Ops that read and make images ``[B, C, H, W]``."""


class Images:
    """The images of a Graph and their tokens, each turned into tokens once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._images: dict[str, bool] = {}
        self._tokens: dict[str, str] = {}
        for name in graph.topological():
            node = graph[name]
            if isinstance(node.op, ToTokens):
                self._tokens.setdefault(node.inputs[0], name)

    def is_image(self, name: str) -> bool:
        """Whether a value is computed as an image: by an image op, or element by element from one."""
        node = self._graph[name]
        if node.type.rank != 4:
            return False
        if name not in self._images:
            by_element = isinstance(node.op, Activation | Add | Mul) and any(map(self.is_image, node.inputs))
            self._images[name] = by_element or isinstance(node.op, (*IMAGE_OPS, FromTokens))
        return self._images[name]

    def tokens(self, name: str, sources: frozenset[str]) -> str:
        """Return an image as tokens ``[B, H W, C]``."""
        node = self._graph[name]
        if isinstance(node.op, FromTokens):
            return node.inputs[0]
        if name not in self._tokens:
            self._tokens[name] = self._graph.add(ToTokens(), [name], sources=sources)
        return self._tokens[name]

    def on_tokens(self, view: View) -> View:
        """Return a view of an image that has the channels innermost as a view of its tokens; any other as it is."""
        if not self.is_image(view.base):
            return view
        batch, channels, height, width = self._graph[view.base].type.static_shape
        places = height * width
        innermost = view.layout.axes[-1][-1:] if view.layout.axes else ()
        if channels == 1 or places == 1 or not innermost or innermost[0][1] != places:
            return view
        layout = _exchanged(view.layout, (batch, channels, places))
        if layout is None:
            return view
        return replace(view, base=self.tokens(view.base, view.sources), layout=layout)

    def image(self, view: View) -> str | None:
        """Return the name of a view of tokens as an image, or None when it is no image of them."""
        shape = self._graph[view.base].type.static_shape
        if len(shape) != 3 or len(view.shape) != 4:
            return None
        batch, _, channels = shape
        height, width = view.shape[2:]
        apart = Layout.contiguous(shape).reshape((batch, height, width, channels))
        if apart is None or view.shape[:2] != (batch, channels):
            return None
        if not view.layout.same_elements(apart.transpose((0, 3, 1, 2))):
            return None
        node = self._graph[view.base]
        if isinstance(node.op, ToTokens) and self._graph[node.inputs[0]].type.shape == view.shape:
            return node.inputs[0]
        return self._graph.add(FromTokens(height, width), [view.base], sources=view.sources)


def _exchanged(layout: Layout, shape: tuple[int, int, int]) -> Layout | None:
    """Return a layout on ``[B, C, P]`` as the same elements of ``[B, P, C]``."""
    _, channels, places = shape

    def moved(axis: int, stride: int) -> int:
        return (stride, stride // places, stride * channels)[axis]

    axes: list[tuple[Factor, ...]] = []
    for factors in layout.axes:
        digits = split_factors([factor for factor in factors if factor[1]], shape)
        if digits is None or len(digits) < len(factors):
            return None
        axes.append(tuple((size, moved(axis, stride)) for axis, (size, stride) in digits))
    inside, place = layout.offset % (channels * places), layout.offset % places
    offset = layout.offset - inside + inside // places + place * channels
    return Layout(offset, tuple(axes))
