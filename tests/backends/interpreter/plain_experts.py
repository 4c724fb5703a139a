"""Routed experts on whole arrays: token by token, choice by choice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from tests.backends.interpreter.plain_scales import Scales
from vitaccel.ir.plan import MoeKernel
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.requantize import ChannelRequantize, Requantize
from vitaccel.reference.softmax import OnlineSoftmax


def plain_experts(scales: Scales, kernel: MoeKernel, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The output of a layer of experts, and the experts that every token chose, ``[images, tokens, k]``."""
    x, logits = values[kernel.x], values[kernel.logits]
    residual = values[kernel.residual] if kernel.residual else np.zeros((*x.shape[:3], kernel.width_out), np.int64)
    every = [_image(scales, kernel, *parts) for parts in zip(x, logits, residual, strict=True)]
    outputs = np.stack([output for output, _ in every]).reshape(residual.shape)
    return outputs, np.stack([chosen for _, chosen in every])


def _image(
    scales: Scales, kernel: MoeKernel, x: np.ndarray, logits: np.ndarray, residual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    rows, rates = x.reshape(-1, x.shape[-1]), logits.reshape(-1, kernel.experts)
    out = residual.reshape(-1, residual.shape[-1]).copy()
    chosen = np.array([best(rate, kernel.k) for rate in rates])
    score = _scores(kernel, rates, chosen)
    node, bits = scales.graph[kernel.node], 16
    _, _, of_result = (scales.inner(kernel.node, at) for at in range(3))
    (of_out,) = scales.of(scales.chain(kernel.node)[-1], 2)
    factor = Requantize.from_scale(of_result / float(of_out), bits)
    for expert in range(kernel.experts):
        mine = kept(chosen, expert, kernel)
        results = _expert(scales, kernel, node.inputs[2:], expert, rows[[token for token, _ in mine]])
        for (token, choice), result in zip(mine, results, strict=True):
            product = result * int(score[token, choice]) * factor.multiplier
            shift = 16 + factor.shift
            out[token] = np.clip(out[token] + ((product + (1 << shift - 1)) >> shift), -(1 << 15), (1 << 15) - 1)
    return out, chosen


def best(rates: np.ndarray, k: int) -> list[int]:
    """The k largest, of equal ones the lower expert first."""
    return sorted(range(len(rates)), key=lambda expert: (-int(rates[expert]), expert))[:k]


def kept(chosen: np.ndarray, expert: int, kernel: MoeKernel) -> list[tuple[int, int]]:
    """Tokens and choices of an expert, up to its capacity, in the order in which they are dropped."""
    tokens, k = chosen.shape
    pairs = [(t, j) for j in range(k) for t in range(tokens)]
    if kernel.order != "choice":
        pairs.sort()
    mine = [(t, j) for t, j in pairs if chosen[t, j] == expert]
    return mine[: kernel.capacity] if kernel.capacity else mine


def _scores(kernel: MoeKernel, rates: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    softmax = OnlineSoftmax(8)
    picked = np.take_along_axis(rates, chosen, -1)
    if kernel.score == "softmax_all":
        every = softmax.probabilities(torch.from_numpy(rates.astype(np.int16))).numpy()
        return np.take_along_axis(every, chosen, -1)
    return softmax.probabilities(torch.from_numpy(picked.astype(np.int16))).numpy()


def _expert(scales: Scales, kernel: MoeKernel, operands: tuple[str, ...], expert: int, rows: np.ndarray) -> np.ndarray:
    """Rows through one expert: int16 codes of its results."""
    pre, hidden, result = (scales.inner(kernel.node, at) for at in range(3))
    (of_x,) = scales.of(scales.graph[kernel.node].inputs[0], 1)
    table = ActivationTable(kernel.activation, pre, hidden, 8)
    first = _layer(scales, operands[:2], expert, rows, (float(of_x), pre), 8)
    active = table.compute(torch.from_numpy(first)).numpy()
    return _layer(scales, operands[2:], expert, active, (hidden, result), 16)


def _layer(
    scales: Scales, operands: tuple[str, ...], expert: int, rows: np.ndarray, steps: tuple[float, float], bits: int
) -> np.ndarray:
    weights = scales.codes(operands[0])[expert]
    of_weights = np.broadcast_to(
        scales.of_constant(operands[0]), (scales.array(operands[0]).shape[0] * weights.shape[1])
    )
    columns = steps[0] * of_weights.reshape(-1, weights.shape[1])[expert]
    bias = np.rint(scales.array(operands[1])[expert].astype(np.float64) / columns).astype(np.int64)
    spec = ChannelRequantize.from_scales((columns / steps[1]).tolist(), bias.tolist(), bits)
    return spec.compute(torch.from_numpy(rows @ weights)).numpy()
