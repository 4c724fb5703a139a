"""Which Graph values are the same tensor on the machine: views that the layouts make free."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import FromTokens, Reshape, Slice, ToTokens
from vitaccel.ir.types import TensorType


@dataclass(frozen=True)
class Extent:
    """A value as the machine sees it: frames of tokens of channels."""

    frames: int
    tokens: int
    channels: int


def extent(type: TensorType) -> Extent:
    """Frames, tokens and channels of a value: [B, C], [B, N, C] or [B, C, H, W].

    Raises
    ------
    UnsupportedError
        If the value has another rank.
    """
    shape = type.static_shape
    if len(shape) == 2:
        return Extent(shape[0], 1, shape[1])
    if len(shape) == 3:
        return Extent(*shape)
    if len(shape) == 4:
        return Extent(shape[0], prod(shape[2:]), shape[1])
    raise UnsupportedError(f"a value on the machine must be [B, C], [B, N, C] or [B, C, H, W], not {type}")


def is_free_view(graph: Graph, name: str) -> bool:
    """Whether the node only renames its operand's tokens: no instruction is needed for it."""
    node = graph[name]
    if isinstance(node.op, ToTokens | FromTokens):
        return True
    if isinstance(node.op, Reshape):
        before, after = graph[node.inputs[0]].type, node.type
        return keeps_channels(before, after)
    if isinstance(node.op, Slice):
        return node.op.axis == 1 and node.type.rank == 3 and node.type.shape[1] == 1
    return False


def keeps_channels(before: TensorType, after: TensorType) -> bool:
    """Whether a reshape leaves the channel axis alone and only regroups frames and tokens."""
    if before.rank not in (2, 3) or after.rank not in (2, 3):
        return False
    return before.shape[-1] == after.shape[-1]


def base(graph: Graph, name: str) -> str:
    """The value behind any chain of free views."""
    while is_free_view(graph, name):
        name = graph[name].inputs[0]
    return name


def real_users(graph: Graph, name: str) -> list[str]:
    """Users of a value, looking through free views."""
    found: list[str] = []
    for user in graph.users(name):
        found.extend(real_users(graph, user) if is_free_view(graph, user) else [user])
    return found
