"""Integers of routed experts: packed weights of both matmuls, the table between them, and the scatter's factor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vitaccel.backends.image.matmul import channel_sets, encode_table, pack_tiles
from vitaccel.backends.image.model import Model, stem
from vitaccel.ir.parameters import encode_sets
from vitaccel.ir.plan import MoeKernel, ceil_div
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.requantize import Requantize

PRE, HIDDEN, RESULT = range(3)
"""Values inside a layer of experts, in the order of their scales."""


def moe_constants(model: Model, kernel: MoeKernel) -> dict[str, np.ndarray]:
    """Weights of every expert, the activation table and the scatter's set."""
    node = model.graph[kernel.node]
    pre, hidden, result = (model.inner(kernel.node, at) for at in (PRE, HIDDEN, RESULT))
    of_stream = model.one_scale(model.fused(kernel.node)[-1], 2)
    factor = Requantize.from_scale(result / of_stream, 16)
    found = {
        f"{stem(kernel)}.parameters": encode_sets(0, factor.multiplier, factor.shift),
        f"{stem(kernel)}.table": encode_table(ActivationTable(kernel.activation, pre, hidden, 8)),
    }
    of_x = model.one_scale(node.inputs[0], 1)
    for title, at, steps, bits in (("w1", 2, (of_x, pre), 8), ("w2", 4, (hidden, result), 16)):
        for expert, data in enumerate(_experts(model, kernel, at, steps, bits)):
            found[f"{kernel.node}.expert{expert}.{title}"] = data
    return found


def _experts(model: Model, kernel: MoeKernel, at: int, steps: tuple[float, float], bits: int) -> Iterator[np.ndarray]:
    """Packed weights of one matmul of every expert; its weights and biases are operands ``at`` and ``at + 1``."""
    node = model.graph[kernel.node]
    codes, scales = model.integers(node.inputs[at], model.plan.arch.numerics.weight_bits)
    bias, _ = model.array(node.inputs[at + 1])
    columns = np.broadcast_to(scales, codes.shape[0] * codes.shape[2]).reshape(codes.shape[0], -1)
    for expert, matrix in enumerate(codes):
        label = f"{kernel.label} expert {expert}"
        sets = channel_sets(label, matrix, bias[expert], steps[0] * columns[expert], np.array([steps[1]]), bits)
        places = np.arange(matrix.shape[1])
        yield pack_tiles(model, matrix, sets, places, ceil_div(len(places), model.side))
