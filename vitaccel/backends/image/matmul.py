"""Integers of a tiled matmul: packed weights with the parameter sets of their columns, and its constant operands."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from vitaccel.backends.image.model import Model, stem
from vitaccel.backends.image.positions import position_table
from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import Activation, Linear, MatMul, Mean, TokenMix
from vitaccel.ir.parameters import encode_sets
from vitaccel.ir.plan import MatMulKernel, ceil_div
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.fixed_point import round_shift
from vitaccel.reference.matmul import check_accumulator, check_depth
from vitaccel.reference.requantize import Requantize

INT8_PRODUCT = 1 << 14
"""Largest magnitude of a product of two int8."""


def matmul_constants(model: Model, kernel: MatMulKernel) -> dict[str, np.ndarray]:
    """Weights (or parameter sets), activation table and constant operands of a matmul."""
    if kernel.groups > 1 or kernel.window is not None:
        raise UnsupportedError(
            f"{kernel.label}: a convolution that is no patch embedding is costed, and cannot be run in integers yet"
        )
    tensors = model.plan.tensors
    if tensors[kernel.a].channels != kernel.k or (kernel.b and tensors[kernel.out].channels != kernel.n):
        raise UnsupportedError(
            f"{kernel.label}: channels of a matmul of {kernel.k} x {kernel.n} must stand close together; heads filled "
            "up to whole words, which an attention reads, cannot be read or made by it in integers"
        )
    found = {}
    if kernel.activation:
        found[f"{stem(kernel)}.table"] = _table(model, kernel)
    if kernel.b:
        found[f"{stem(kernel)}.parameters"] = _sets_of_two_activations(model, kernel)
        return found | _left_operand(model, kernel)
    matrix, sets = _weights(model, kernel)
    rows, columns = (tensors[name].places(model.plan.arch) for name in (kernel.a, kernel.out))
    packed = pack_tiles(model, _by_places(matrix, rows, kernel.k), sets, columns, kernel.n_tiles)
    found[f"{kernel.node}.weights"] = packed
    if kernel.residual == f"{kernel.node}.positions":
        offsets, multipliers, shifts = (torch.from_numpy(row) for row in sets)
        of_bias = round_shift(offsets * multipliers, shifts).numpy()
        found[kernel.residual] = position_table(model, kernel, of_bias)[None]
    return found


# -- scales --------------------------------------------------------------------------------------------------------
def result_scale(model: Model, kernel: MatMulKernel) -> tuple[np.ndarray, int]:
    """What one step behind the requantization is worth, and its bits: before an activation, or of what is written."""
    chain = model.fused(kernel.node)
    tensor = model.plan.tensors[kernel.out]
    for before, name in pairwise(chain):
        if isinstance(model.graph[name].op, Activation):
            return model.scale(before), 8
    return model.scale(chain[-1], tensor.element_bytes), 8 * tensor.element_bytes


def _table(model: Model, kernel: MatMulKernel) -> np.ndarray:
    chain = model.fused(kernel.node)
    at = next(i for i, name in enumerate(chain) if isinstance(model.graph[name].op, Activation))
    width = model.plan.tensors[kernel.out].element_bytes
    before, after = model.one_scale(chain[at - 1]), model.one_scale(chain[-1], width)
    return encode_table(ActivationTable(kernel.activation, before, after, 8 * width))


def encode_table(table: ActivationTable) -> np.ndarray:
    """Bytes of an activation table: 256 entries from input -128 up, low byte first."""
    return np.array(table.table, f"<i{table.out_bits // 8}").view(np.uint8)


# -- weights -------------------------------------------------------------------------------------------------------
def _weights(model: Model, kernel: MatMulKernel) -> tuple[np.ndarray, np.ndarray]:
    """Integers ``[K, N]`` of the weights, and the sets ``[3, N]`` of their columns."""
    node = model.graph[kernel.node]
    weights, scales = model.integers(node.inputs[1], model.plan.arch.numerics.weight_bits)
    matrix = weights if isinstance(node.op, Linear) else weights.reshape(weights.shape[0], -1).T
    in_scale = model.one_scale(node.inputs[0], 1)
    out_scale, bits = result_scale(model, kernel)
    bias = model.array(node.inputs[2])[0] if len(node.inputs) > 2 else np.zeros(matrix.shape[1])
    return matrix, channel_sets(kernel.label, matrix, bias, in_scale * scales, out_scale, bits)


def channel_sets(
    label: str, matrix: np.ndarray, bias: np.ndarray, acc_scale: np.ndarray, out_scale: np.ndarray, bits: int
) -> np.ndarray:
    """Offsets, multipliers and shifts ``[3, N]`` of the columns of a matrix.

    Raises
    ------
    UnsupportedError
        If an accumulator could overflow.
    """
    n = matrix.shape[1]
    acc_scale, out_scale = np.broadcast_to(acc_scale, n), np.broadcast_to(out_scale, n)
    offsets = np.floor(np.asarray(bias, np.float64) / acc_scale + 0.5)
    if np.abs(offsets).max(initial=0) >= 2**31:
        raise UnsupportedError(f"accumulator of {label!r} must hold its bias in 32 bits, not {np.abs(offsets).max():g}")
    check_accumulator(label, torch.from_numpy(matrix), torch.from_numpy(offsets.astype(np.int64)))
    factors = [Requantize.from_scale(float(a) / float(o), bits) for a, o in zip(acc_scale, out_scale, strict=True)]
    return np.array([offsets, [f.multiplier for f in factors], [f.shift for f in factors]], np.int64)


def _by_places(matrix: np.ndarray, places: np.ndarray, depth: int) -> np.ndarray:
    """Rows of a matrix where the channels they multiply stand, among *depth*; what fills up heads meets zeros."""
    spread = np.zeros((depth, matrix.shape[1]), matrix.dtype)
    spread[places] = matrix
    return spread


def pack_tiles(model: Model, matrix: np.ndarray, sets: np.ndarray, columns: np.ndarray, n_tiles: int) -> np.ndarray:
    """Tiles ``[k][P]`` one after another, each followed by the P sets of its columns; padding is zero.

    With 4-bit weights two rows of a tile share a byte, the even one in its low half.
    """
    side, k = model.side, matrix.shape[0]
    wide = np.zeros((k, n_tiles * side), np.int64)
    wide[:, columns] = matrix
    spread = np.zeros((3, n_tiles * side), np.int64)
    spread[:, columns] = sets
    tiles = wide.reshape(k, n_tiles, side).transpose(1, 0, 2)
    if model.plan.arch.numerics.weight_bits == 4:
        flat = tiles.reshape(n_tiles, -1)
        flat = np.pad(flat, ((0, 0), (0, k * side % 2)))
        packed = (flat[:, 0::2] & 15) | (flat[:, 1::2] & 15) << 4
    else:
        packed = tiles.reshape(n_tiles, -1) & 255
    tail = encode_sets(*spread).reshape(n_tiles, -1)
    return np.concatenate([packed.astype(np.uint8), tail], axis=1).reshape(-1)


# -- products of two activations -----------------------------------------------------------------------------------
def _sets_of_two_activations(model: Model, kernel: MatMulKernel) -> np.ndarray:
    node = model.graph[kernel.node]
    check_depth(kernel.label, kernel.k, INT8_PRODUCT)
    if isinstance(node.op, Mean):
        acc = model.scale(node.inputs[0], 1) / kernel.k
    elif isinstance(node.op, TokenMix):
        acc = model.scale(node.inputs[0], 1) * model.integers(node.inputs[1], 8)[1]
    elif isinstance(node.op, MatMul):
        acc = model.one_scale(node.inputs[0], 1) * model.scale(node.inputs[1], 1)
    else:
        acc = model.inner(kernel.node, 0) * model.scale(node.inputs[1], 1)
    out_scale, bits = result_scale(model, kernel)
    padded = ceil_div(kernel.n, model.side) * model.side
    factors = [
        Requantize.from_scale(float(a) / float(o), bits)
        for a, o in zip(np.broadcast_to(acc, kernel.n), np.broadcast_to(out_scale, kernel.n), strict=True)
    ]
    sets = np.zeros((3, max(padded, kernel.n_tiles * model.side)), np.int64)
    sets[1:, : kernel.n] = [[f.multiplier for f in factors], [f.shift for f in factors]]
    return encode_sets(*sets)


def _left_operand(model: Model, kernel: MatMulKernel) -> dict[str, np.ndarray]:
    """The constant left operand of a token mix or a mean, by tensor name."""
    node = model.graph[kernel.node]
    if isinstance(node.op, TokenMix):
        return {kernel.a: model.integers(node.inputs[1], 8)[0][None]}
    return {kernel.a: np.ones((1, 1, kernel.k), np.int64)} if isinstance(node.op, Mean) else {}
