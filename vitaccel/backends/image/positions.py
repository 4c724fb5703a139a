"""Constants added at the drain of a matmul: position tables, and tokens that stand before or behind its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vitaccel.backends.image.model import Model
from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import Add, Concat
from vitaccel.ir.plan import MatMulKernel
from vitaccel.ir.views import base

INT16 = (-(1 << 15), (1 << 15) - 1)


@dataclass(frozen=True)
class OwnTokens:
    """The tokens of a result that the matmul computes: ``count`` from ``first``; the others are constants."""

    first: int
    count: int


def own_tokens(model: Model, kernel: MatMulKernel) -> OwnTokens:
    """Which tokens of a kernel's result are its own, when constants are joined to them."""
    chain = model.fused(kernel.node)
    first, count = 0, model.frames_tokens_channels(kernel.node)[1]
    for before, name in pairwise(chain):
        if isinstance(model.graph[name].op, Concat):
            for operand in model.graph[name].inputs:
                if base(model.graph, operand) == before:
                    break
                first += _tokens(model, operand)
    return OwnTokens(first, count)


def position_table(model: Model, kernel: MatMulKernel, of_bias: np.ndarray) -> np.ndarray:
    """Integers ``[tokens, channels]`` of what is added behind the requantization.

    A token that is not the matmul's own comes from a row of zeros, so its accumulator is the bias; what the bias
    becomes (``of_bias``, a number for each channel) is taken off, and the sum is the constant exactly.

    Raises
    ------
    UnsupportedError
        If a sum of constants does not fit 16 bits.
    """
    chain = model.fused(kernel.node)
    table = np.zeros(model.frames_tokens_channels(kernel.node)[1:], np.int64)
    for before, name in pairwise(chain):
        node = model.graph[name]
        if isinstance(node.op, Concat):
            parts = [table if base(model.graph, i) == before else _rows(model, i) for i in node.inputs]
            table = np.concatenate(parts)
        elif isinstance(node.op, Add):
            table = table + _rows(model, next(i for i in node.inputs if base(model.graph, i) != before))
    own = own_tokens(model, kernel)
    table[: own.first] -= of_bias
    table[own.first + own.count :] -= of_bias
    if table.min() < INT16[0] or table.max() > INT16[1]:
        raise UnsupportedError(f"{kernel.label}: positions and joined tokens must fit 16 bits of their stream together")
    return table


def _rows(model: Model, name: str) -> np.ndarray:
    """A constant as rows of tokens, [tokens or 1, channels]."""
    codes, _ = model.integers(name, 16)
    return codes.reshape(-1, codes.shape[-1]) if codes.ndim > 1 else codes.reshape(1, -1)


def _tokens(model: Model, name: str) -> int:
    return int(np.prod(model.graph[name].type.static_shape[:-1]))
