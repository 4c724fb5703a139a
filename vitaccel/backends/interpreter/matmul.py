"""A tiled matmul with its epilogue: bias, requantization, activation, residual, and the moments of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.ir.parameters import decode_sets
from vitaccel.ir.plan import TOKEN, ceil_div
from vitaccel.ir.program import MatMul
from vitaccel.reference.fixed_point import saturate
from vitaccel.reference.layernorm import MOMENTS, moments
from vitaccel.reference.matmul import accumulate
from vitaccel.reference.requantize import ChannelRequantize


@dataclass(frozen=True)
class Tiles:
    """Weight tiles as a matrix ``[K, columns]`` of int32, and offsets, multipliers and shifts of the columns."""

    matrix: Tensor
    sets: tuple[Tensor, Tensor, Tensor]


@execute.register
def matmul(instruction: MatMul, state: State) -> None:
    """``row_blocks`` x ``n_tiles`` tiles, drained through the epilogue."""
    blocks = rows_needed(instruction, state)
    if not blocks:
        return
    banks, columns = state.memories.activation, instruction.n_tiles * state.arch.array.side
    a = banks.operand(instruction.a, instruction.a_step, blocks, instruction.k)
    if instruction.weight >= 0:
        tiles = _tiles(instruction, state)
        product, sets = accumulate(a, tiles.matrix), tiles.sets
    else:
        b = banks.read_rows(instruction.b, instruction.b_step, instruction.k, columns)
        product, sets = accumulate(a, b), state.sets(instruction.parameters, columns)
    residual = None
    if instruction.residual >= 0:
        residual = banks.read_tokens(instruction.residual, instruction.residual_step, blocks, columns, 2)
    result = _epilogue(instruction, state, product, sets, residual)
    if instruction.moments >= 0:
        _take_moments(instruction, state, result[..., : instruction.n], blocks)
    if instruction.drain == TOKEN:
        banks.write_tokens(instruction.out, instruction.out_step, result, instruction.out_bytes)
    else:
        banks.write_rows(instruction.out, instruction.out_step, result[:, : instruction.tokens], instruction.out_bytes)


def _take_moments(instruction: MatMul, state: State, result: Tensor, blocks: int) -> None:
    """Sums and sums of squares of results, by themselves or on top of those of the columns before."""
    kept = state.memories.moments[:, instruction.moments : instruction.moments + blocks]
    taken = moments(result).reshape(-1, blocks, state.arch.array.side, MOMENTS)
    kept.copy_(taken if instruction.begins_moments else kept + taken)


def rows_needed(instruction: MatMul, state: State) -> int:
    """Row-blocks to work on: all, or as many as the longest of the images' queues takes."""
    if instruction.expert < 0:
        return instruction.row_blocks
    longest = max(len(queues[instruction.expert].tokens) for queues in state.queues)
    return ceil_div(longest, state.arch.array.side)


def _epilogue(
    instruction: MatMul, state: State, product: Tensor, sets: tuple[Tensor, Tensor, Tensor], residual: Tensor | None
) -> Tensor:
    offsets, multipliers, shifts = sets
    bits = 8 * instruction.out_bytes
    if instruction.table < 0:
        return ChannelRequantize(multipliers, shifts, offsets, bits).compute(product, residual)
    codes = ChannelRequantize(multipliers, shifts, offsets, 8).compute(product)
    active = state.look_up(instruction.table, codes)
    return active if residual is None else saturate(active + residual, bits)


def _tiles(instruction: MatMul, state: State) -> Tiles:
    """Tiles from the weight ring, unpacked once for all instructions that read them."""
    memories = state.memories
    stamp = memories.loaded_at[instruction.weight]
    kept = state.decoded.get(instruction.weight)
    if kept and kept[0] == stamp and isinstance(kept[1], Tiles) and len(kept[1].matrix) == instruction.k:
        return kept[1]
    side, bits = state.arch.array.side, state.arch.numerics.weight_bits
    weight_bytes = ceil_div(instruction.k * side * bits, 8)
    words = ceil_div(weight_bytes + side * PARAMETER_BYTES, side)
    ring = memories.weight
    tile = torch.arange(instruction.n_tiles)
    first = instruction.weight + ring.turns.part(tile) * ring.words + ring.turns.place(tile) * words
    raw = ring.fetch(first[:, None] + torch.arange(words))[0].reshape(instruction.n_tiles, words * side)
    matrix = _unpacked(raw[:, :weight_bytes], instruction.k * side, bits)
    matrix = matrix.reshape(instruction.n_tiles, instruction.k, side).transpose(0, 1).reshape(instruction.k, -1)
    parameters = raw[:, weight_bytes : weight_bytes + side * PARAMETER_BYTES].contiguous().view(torch.uint8)
    offsets, multipliers, shifts = torch.from_numpy(decode_sets(parameters.numpy()))
    tiles = Tiles(matrix.contiguous(), (offsets, multipliers, shifts))
    state.decoded[instruction.weight] = stamp, tiles
    return tiles


def _unpacked(raw: Tensor, count: int, bits: int) -> Tensor:
    """Weights as int32; two of 4 bits share a byte, the first in its low half."""
    if bits == 8:
        return raw.to(torch.int32)
    low, high = (raw << 4) >> 4, raw >> 4
    return torch.stack([low, high], dim=-1).reshape(raw.shape[0], -1)[:, :count].to(torch.int32)
