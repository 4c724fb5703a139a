"""How the machine runs a convolution: as a matmul of patches, in the lanes, or as a matmul through a window."""

from __future__ import annotations

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Conv2d
from vitaccel.ir.views import base


def is_patch_embedding(graph: Graph, name: str) -> bool:
    """Whether a node is a convolution of a graph input whose windows are patches side by side: a matmul of patches."""
    node = graph[name]
    if not isinstance(node.op, Conv2d) or base(graph, node.inputs[0]) not in graph.inputs:
        return False
    window = graph[node.inputs[1]].type.shape[2:]
    return node.op.stride == window and node.op.padding == (0, 0, 0, 0) and node.op.groups == 1


def is_depthwise(graph: Graph, name: str) -> bool:
    """Whether a node is a convolution of every channel by itself: one tap a cycle in every lane."""
    node = graph[name]
    if not isinstance(node.op, Conv2d):
        return False
    return node.op.groups > 1 and graph[node.inputs[1]].type.shape[1] == 1
