"""Integers of attention: for every head, how its logits are requantized and how its output is."""

from __future__ import annotations

from math import isclose, log

import numpy as np

from vitaccel.backends.image.matmul import INT8_PRODUCT
from vitaccel.backends.image.model import Model, stem
from vitaccel.errors import QuantizationError, UnsupportedError
from vitaccel.ir.heads import channels_of_head
from vitaccel.ir.ops import AttentionLogits
from vitaccel.ir.parameters import encode_sets
from vitaccel.ir.plan import AttentionKernel
from vitaccel.reference.matmul import check_depth
from vitaccel.reference.requantize import Requantize

PROBABILITY_STEP = 2.0**-16
"""What one step of a normalised probability is worth."""

DIGIT_PRODUCT = 255 * 128
"""Largest magnitude of an 8-bit digit of a numerator times an int8."""


def attention_constants(model: Model, kernel: AttentionKernel) -> dict[str, np.ndarray]:
    """Two sets a head: of the logits (mode ``none`` computes them) and of the output."""
    if kernel.mask:
        raise UnsupportedError(f"{kernel.label}: attention with a mask is costed, and cannot be run in integers yet")
    _check_heads(model, kernel)
    depth = kernel.queries if kernel.mode in ("post_softmax_T", "pre_softmax_T") else kernel.keys
    check_depth(kernel.label, depth, DIGIT_PRODUCT)
    out = _output_factors(model, kernel)
    logits = _logit_factors(model, kernel) if kernel.mode == "none" else [Requantize(0, 0, 16)] * kernel.heads
    pairs = [factor for pair in zip(logits, out, strict=True) for factor in pair]
    return {
        f"{stem(kernel)}.parameters": encode_sets(0, [f.multiplier for f in pairs], [f.shift for f in pairs]),
    }


def _check_heads(model: Model, kernel: AttentionKernel) -> None:
    """Only matmuls fill heads up to whole words, where words must not be shared by heads."""
    array = model.plan.arch.array
    for name, dim, shared in ((kernel.q, kernel.head_dim, True), (kernel.k, kernel.head_dim, True),
                              (kernel.v, kernel.value_dim, False)):  # fmt: skip
        close = shared and array.count == 1
        width = dim if close else channels_of_head(dim, array.side, array.count)
        tensor = model.plan.tensors.get(name)
        if tensor and not tensor.heads and tensor.channels != kernel.heads * width:
            raise UnsupportedError(
                f"{kernel.label}: heads of {dim} channels that come from no matmul of their own must fill whole tiles, "
                f"{channels_of_head(1, array.side, array.count)} channels, to be run in integers"
            )


def _logit_factors(model: Model, kernel: AttentionKernel) -> list[Requantize]:
    logits = model.graph[model.graph[kernel.node].inputs[0]]
    assert isinstance(logits.op, AttentionLogits)
    check_depth(kernel.label, kernel.head_dim, INT8_PRODUCT)
    fraction = model.plan.arch.numerics.logit_fraction_bits
    if not isclose(model.one_scale(model.graph[kernel.node].inputs[0]), log(2) / 2**fraction, rel_tol=1e-6):
        raise QuantizationError(
            f"{kernel.label}: logits must be quantized with the {fraction} fraction bits of "
            "numerics.logit_fraction_bits"
        )
    q, k = (_by_head(model, name, kernel.heads) for name in logits.inputs[:2])
    steps = q * k * logits.op.scale / logits.scale[0]
    return [Requantize.from_scale(float(step), 16) for step in steps]


def _output_factors(model: Model, kernel: AttentionKernel) -> list[Requantize]:
    out = model.plan.tensors[kernel.out]
    of_result = model.one_scale(model.fused(kernel.node)[-1], out.element_bytes)
    unit = PROBABILITY_STEP if kernel.mode == "post_softmax_T" else 1.0
    values = _by_head(model, model.graph[kernel.node].inputs[1], kernel.heads)
    return [Requantize.from_scale(float(v * unit / of_result), 16) for v in values]


def _by_head(model: Model, name: str, heads: int) -> np.ndarray:
    """The scale of each head of an operand.

    Raises
    ------
    UnsupportedError
        If channels of one head differ.
    """
    scales = model.scale(name, 1)
    spread = np.broadcast_to(scales, heads) if scales.size == 1 else scales.reshape(heads, -1)
    per_head = spread if spread.ndim == 1 else spread[:, 0]
    if spread.ndim == 2 and (spread != per_head[:, None]).any():
        raise UnsupportedError(f"{model.node(name).label}: channels of one head of attention must have one scale")
    return per_head
