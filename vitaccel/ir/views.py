"""Which Graph values are the same tensor on the machine: views that the layouts make free."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import FromTokens, Input, Reshape, Slice, ToTokens, Transpose
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
    """Whether the node only renames its operand's tokens: no instruction is needed for it.

    The first token of every frame is lane 0 of a row-block, and can be read where it stands; no other token can.
    """
    node = graph[name]
    if isinstance(node.op, ToTokens | FromTokens):
        return True
    if isinstance(node.op, Reshape):
        before, after = graph[node.inputs[0]].type, node.type
        return _is_tokens(before) and _is_tokens(after) and extent(before) == extent(after)
    if isinstance(node.op, Slice):
        first_token = node.op.axis == 1 and node.op.start == 0 and node.op.stop == 1
        return first_token and node.type.rank == 3
    return False


def _is_tokens(type: TensorType) -> bool:
    """Whether a value holds token after token: [B, C], [B, N, C], or an image of one pixel."""
    return type.rank in (2, 3) or (type.rank == 4 and type.shape[2:] == (1, 1))


def is_input_layout(graph: Graph, name: str) -> bool:
    """Whether the value is a graph input with its elements in another order: the host writes it so, and no kernel does.

    Patches cut from an image by reshapes and transposes are such a value.
    """
    if isinstance(graph[name].op, Input):
        return False
    while isinstance(graph[name].op, Reshape | Transpose | ToTokens | FromTokens):
        name = graph[name].inputs[0]
    return isinstance(graph[name].op, Input)


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
