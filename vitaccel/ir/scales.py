"""Reading the scales of a quantized Graph: which axis they run along, the integers of a constant, what has none yet."""

from __future__ import annotations

from math import prod

import numpy as np

from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.ops import (
    Attention,
    AttentionLogits,
    Broadcast,
    Const,
    Conv2d,
    FromTokens,
    Linear,
    MatMul,
    Mean,
    Moe,
    Reshape,
    Select,
    Slice,
    TokenMix,
    ToTokens,
    Transpose,
)

QUANTIZATION_KEY = "vitaccel.quantization"
"""Key of the ONNX model metadata that holds the quantizer's choices, as JSON text."""

TOKEN_MIX_KEY = "vitaccel.token_mix"
"""Key of the ONNX node metadata that says what a product by a matrix of token weights was: a resize or a pooling."""

VIEWS = (Broadcast, FromTokens, Reshape, Select, Slice, ToTokens, Transpose)
"""Ops that make no new numbers: their values have the scale of their first operand."""

WEIGHTS: dict[type, tuple[int, ...]] = {Conv2d: (1,), Linear: (1,), Moe: (2, 4), TokenMix: (1,)}
"""Operands that are multiplied by activations, by op."""

INTEGER_LIMIT = 2**24
"""Integers of a constant are at most as large: float32 holds them. (Biases are; weights are much smaller.)"""

WIDE_LIMIT = 2**16
"""Constants with fewer elements, as all biases are, are divided in double precision: their integers are large."""

NARROW_READERS = (Conv2d, Linear, MatMul, Mean, TokenMix)
"""Ops that read the int8 copy of a value of 16 bits with their first operand (or with both)."""


def channel_axis(graph: Graph, name: str) -> int:
    """The axis that scales of a value run along, non-negative.

    The last one; of a convolution's weight the outputs, of other values with four axes the channels of an image or the
    heads of attention logits, axis 1.
    """
    node = graph[name]
    if isinstance(node.op, Const):
        readers = (graph[user] for user in graph.users(name))
        if any(isinstance(user.op, Conv2d) and user.inputs[1] == name for user in readers):
            return 0
        return max(node.type.rank - 1, 0)
    return 1 if node.type.rank == 4 else max(node.type.rank - 1, 0)


def steps_of(graph: Graph, name: str) -> np.ndarray:
    """The scale of a value as float32 steps in a shape that broadcasts to it.

    A constant stack of matrices ``[..., K, N]`` may have a scale for each matrix and column, ordered as ``[..., N]``,
    and a constant stack of rows ``[E, N]``, the biases of experts, one for each element.

    Raises
    ------
    ValueError
        If the value has no scale, or another number of scales than its channels.
    """
    node = graph[name]
    shape, steps = node.type.static_shape, np.array(node.scale, np.float32)
    if steps.size == 0:
        raise ValueError(f"value {name!r} must have a scale")
    if steps.size == 1:
        return steps.reshape((1,) * len(shape))
    axis = channel_axis(graph, name)
    if steps.size == shape[axis]:
        return steps.reshape([-1 if at == axis else 1 for at in range(len(shape))])
    if isinstance(node.op, Const) and len(shape) > 2 and steps.size == prod(shape[:-2]) * shape[-1]:
        return steps.reshape(*shape[:-2], 1, shape[-1])
    if isinstance(node.op, Const) and len(shape) == 2 and steps.size == prod(shape) and _is_of_experts(graph, name):
        return steps.reshape(shape)
    raise ValueError(f"value {name!r} of type {node.type} must have 1 or {shape[axis]} scales, not {steps.size}")


def scale_of_steps(graph: Graph, name: str, steps: np.ndarray) -> tuple[float, ...] | None:
    """Steps that broadcast to a value as the tuple that :func:`steps_of` reads; None when no tuple says them."""
    node = graph[name]
    shape = node.type.static_shape
    steps = steps.reshape((1,) * (len(shape) - steps.ndim) + steps.shape)
    if steps.size == 1:
        return (float(steps.reshape(())),)
    axis = channel_axis(graph, name)
    if steps.size == shape[axis] == steps.shape[axis]:
        return tuple(steps.reshape(-1).tolist())
    if isinstance(node.op, Const) and len(shape) > 2 and axis and steps.shape[-2] == 1:
        return tuple(np.broadcast_to(steps, (*shape[:-2], 1, shape[-1])).reshape(-1).tolist())
    if isinstance(node.op, Const) and len(shape) == 2 and _is_of_experts(graph, name):
        return tuple(np.broadcast_to(steps, shape).reshape(-1).tolist())
    return None


def _is_of_experts(graph: Graph, name: str) -> bool:
    return any(isinstance(graph[user].op, Moe) for user in graph.users(name))


def integers_of(graph: Graph, name: str) -> np.ndarray:
    """The integers of a quantized constant, int32: its array over its steps.

    Raises
    ------
    ValueError
        If it has no scale, or does not lie on the grid of its scale.
    """
    integers = integers_on(graph.array(name), steps_of(graph, name))
    if integers is None:
        raise ValueError(f"constant {name!r} must lie on the grid of its scale")
    return integers


def integers_on(array: np.ndarray, steps: np.ndarray) -> np.ndarray | None:
    """``array / steps`` as int32, None when that is not whole up to the rounding of float32 or reaches ``2**20``."""
    with np.errstate(all="ignore"):
        ratio = np.divide(array, steps, dtype=np.float64 if array.size < WIDE_LIMIT else np.float32)
    integers = np.rint(ratio)
    size = np.abs(integers)
    # A float32 product and a float32 quotient are each off by half a unit in the last place; NaN compares as false.
    whole = np.abs(ratio - integers) <= 1e-4 + 3e-7 * size
    return integers.astype(np.int32) if (whole & (size <= INTEGER_LIMIT)).all() else None


def unscaled(graph: Graph) -> list[str]:
    """Names of what a quantized Graph must have a scale for and has none, in canonical order.

    These are the float values that are no views, and the weights of matrix products and convolutions.
    """
    order = graph.topological()
    read = {graph[n].inputs[at] for n in order for at in WEIGHTS.get(type(graph[n].op), ())}
    weights = {graph[n].inputs[0] if isinstance(graph[n].op, Select) else n for n in read}
    return [n for n in order if not graph[n].scale and _needs_scale(graph[n], is_weight=n in weights)]


def _needs_scale(node: Node, *, is_weight: bool) -> bool:
    if node.type.element != "f32":
        return False
    return is_weight if isinstance(node.op, Const) else not isinstance(node.op, VIEWS)


def narrow_positions(graph: Graph, name: str) -> tuple[int, ...]:
    """Operands that a node reads in int8 where the value also exists in 16 bits (see ``Node.narrow_scale``)."""
    op = graph[name].op
    if isinstance(op, Conv2d):
        depthwise = op.groups > 1 and graph[graph[name].inputs[1]].type.shape[1] == 1
        return () if depthwise else (0,)
    if isinstance(op, MatMul | AttentionLogits):
        return (0, 1)
    if isinstance(op, Attention):
        return (1,)
    return (0,) if isinstance(op, (*NARROW_READERS, Moe)) else ()


def logit_format(node: Node) -> str:
    """``q9.6`` for 16-bit attention logits whose step is ``ln 2 / 2**6``, and so on; else the format there is."""
    if isinstance(node.op, AttentionLogits) and len(node.scale) == 1 and node.fmt == "int16":
        for fraction_bits in range(1, 15):
            if node.scale[0] == float(np.float32(np.log(2) / 2**fraction_bits)):
                return f"q{15 - fraction_bits}.{fraction_bits}"
    return node.fmt
