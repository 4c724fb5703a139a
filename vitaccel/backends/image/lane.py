"""Integers of what streams through the lanes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitaccel.backends.image.attention import PROBABILITY_STEP
from vitaccel.backends.image.matmul import encode_table
from vitaccel.backends.image.model import Model, stem
from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import ACTIVATIONS, Broadcast, Slice
from vitaccel.ir.ops import LayerNorm as LayerNormOp
from vitaccel.ir.parameters import encode_sets, encode_wide
from vitaccel.ir.plan import TOKEN, LaneKernel
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.elementwise import AddScaled, Multiply
from vitaccel.reference.layernorm import LayerNorm
from vitaccel.reference.requantize import Requantize

MOVES = ("copy", "zero", "join_tokens", "join_channels")
"""Functions that change no number."""


def lane_constants(model: Model, kernel: LaneKernel) -> dict[str, np.ndarray]:
    """Parameter sets and table of a lane kernel.

    Raises
    ------
    UnsupportedError
        If the function is costed but not run.
    """
    _check_rows(model, kernel)
    _check_streaming(model, kernel)
    if kernel.function in MOVES:
        return {}
    if kernel.function in ACTIVATIONS:
        return _activation(model, kernel)
    if kernel.function not in SETS:
        supported = ", ".join(sorted({*SETS, *MOVES, *ACTIVATIONS}))
        raise UnsupportedError(
            f"{kernel.label}: lane function {kernel.function!r} is costed, and cannot be run in integers yet; "
            f"supported are {supported}"
        )
    return {f"{stem(kernel)}.parameters": SETS[kernel.function](model, kernel)}


def _check_rows(model: Model, kernel: LaneKernel) -> None:
    """Lanes take row-block by row-block: an operand repeated over tokens has no instruction."""
    joins = kernel.function.startswith("join_")
    moves = kernel.window is not None or joins
    out = model.plan.tensors[kernel.out]
    for name in kernel.operands:
        tensor = model.plan.tensors[name]
        if joins and (tensor.element_bytes != out.element_bytes or out.layout != TOKEN):
            raise UnsupportedError(
                f"{kernel.label}: joined tokens or channels that are narrowed or read as values are costed, and cannot "
                "be run in integers yet"
            )
        if not moves and kernel.function != "head_mean" and tensor.channels != kernel.channels:
            raise UnsupportedError(
                f"{kernel.label}: an operand of {tensor.channels} channels beside {kernel.channels} is costed, and "
                "cannot be run in integers yet"
            )
        if not moves and kernel.tokens != 1 and tensor.tokens != kernel.tokens:
            raise UnsupportedError(
                f"{kernel.label}: an operand of {tensor.tokens} tokens beside {kernel.tokens} is costed, and cannot be "
                "run in integers yet"
            )


def _check_streaming(model: Model, kernel: LaneKernel) -> None:
    """Averaged probabilities need all keys of a frame on chip."""
    if kernel.function == "head_mean" and kernel in [model.plan.kernels[at] for at in model.plan.groups]:
        raise UnsupportedError(
            f"{kernel.label}: probabilities averaged over heads must stay on chip to be run in integers; "
            "raise buffers.activation_bytes"
        )


def _scales(model: Model, kernel: LaneKernel) -> tuple[np.ndarray, np.ndarray]:
    """Scales of the (first) operand and of the result, one for each channel."""
    root = kernel.node
    tail = model.fused(root)[-1]
    out_bytes = model.plan.tensors[kernel.out].element_bytes
    before = model.scale(model.graph[root].inputs[0], 2)
    after = model.scale(tail, out_bytes)
    return tuple(np.broadcast_to(s, kernel.channels) for s in (before, after))  # type: ignore[return-value]


def _layernorm(model: Model, kernel: LaneKernel) -> np.ndarray:
    node = model.graph[kernel.node]
    assert isinstance(node.op, LayerNormOp)
    gamma, beta = (model.array(name)[0].astype(np.float64).tolist() for name in node.inputs[1:])
    _, out_scale = _scales(model, kernel)
    spec = LayerNorm.from_affine(
        gamma,
        beta,
        in_scale=model.one_scale(node.inputs[0], 2),
        out_scale=out_scale.tolist(),
        eps=node.op.eps,
        bits=8 * model.plan.tensors[kernel.out].element_bytes,
    )
    channels = encode_sets(spec.offset.numpy(), spec.multiplier.numpy(), spec.shift)
    return np.concatenate([encode_wide(spec.epsilon), channels])


def _convert(model: Model, kernel: LaneKernel) -> np.ndarray:
    """From the 16 bits of a value to its int8 copy, or to some tokens of it."""
    bits = 8 * model.plan.tensors[kernel.out].element_bytes
    copied = isinstance(model.graph[kernel.node].op, Slice | Broadcast)
    source = model.graph[kernel.node].inputs[0] if copied and kernel.op != "convert" else kernel.node
    wide, narrow = model.scale(source, 2), model.scale(kernel.node, bits // 8)
    ratios = np.broadcast_to(wide / narrow, kernel.channels)
    return _factors([Requantize.from_scale(float(r), bits) for r in ratios])


def _factors(factors: list[Requantize]) -> np.ndarray:
    return encode_sets(0, [f.multiplier for f in factors], [f.shift for f in factors])


def _constant_operand(model: Model, kernel: LaneKernel) -> np.ndarray:
    node = model.graph[kernel.node]
    name = next(i for i in node.inputs if model.graph.is_const(i))
    return np.broadcast_to(model.array(name)[0].astype(np.float64).reshape(-1), kernel.channels)


def _add(model: Model, kernel: LaneKernel) -> np.ndarray:
    if len(kernel.operands) == 1:
        before, after = _scales(model, kernel)
        offsets = np.floor(_constant_operand(model, kernel) / before + 0.5)
        factors = [Requantize.from_scale(float(b / a), 16) for b, a in zip(before, after, strict=True)]
        return encode_sets(offsets, [f.multiplier for f in factors], [f.shift for f in factors])
    a, b = (model.one_scale(name) for name in model.graph[kernel.node].inputs)
    spec = AddScaled.from_scale(a, b, _result(model, kernel), _bits(model, kernel))
    return encode_sets(0, [spec.multiplier_a, spec.multiplier_b], spec.shift)


def _mul(model: Model, kernel: LaneKernel) -> np.ndarray:
    if len(kernel.operands) == 1:
        before, after = _scales(model, kernel)
        reals = before * _constant_operand(model, kernel) / after
        return _factors([Requantize.from_scale(float(r), 16) for r in reals])
    a, b = (model.one_scale(name) for name in model.graph[kernel.node].inputs)
    spec = Multiply.from_scale(a, b, _result(model, kernel), _bits(model, kernel))
    return encode_sets(0, spec.requantize.multiplier, spec.requantize.shift)


def _result(model: Model, kernel: LaneKernel) -> float:
    return model.one_scale(model.fused(kernel.node)[-1], model.plan.tensors[kernel.out].element_bytes)


def _bits(model: Model, kernel: LaneKernel) -> int:
    return 8 * model.plan.tensors[kernel.out].element_bytes


def _head_mean(model: Model, kernel: LaneKernel) -> np.ndarray:
    heads = kernel.channels // model.plan.tensors[kernel.out].channels
    return _factors([Requantize.from_scale(PROBABILITY_STEP / heads / model.inner(kernel.node, 0), 8)])


def _activation(model: Model, kernel: LaneKernel) -> dict[str, np.ndarray]:
    """An activation that is a kernel of its own reads int16: it is requantized to the int8 argument of the table."""
    argument = model.inner(kernel.node, 0)
    factor = Requantize.from_scale(model.one_scale(model.graph[kernel.node].inputs[0]) / argument, 8)
    table = ActivationTable(kernel.function, argument, _result(model, kernel), _bits(model, kernel))
    return {f"{stem(kernel)}.parameters": _factors([factor]), f"{stem(kernel)}.table": encode_table(table)}


SETS: dict[str, Callable[[Model, LaneKernel], np.ndarray]] = {
    "layernorm": _layernorm,
    "convert": _convert,
    "add": _add,
    "mul": _mul,
    "head_mean": _head_mean,
}
"""Parameter sets by function."""
