"""Fused attention: logits in base 2, online softmax, and values, in all the ways in which logits are used."""

from __future__ import annotations

import torch
from torch import Tensor

from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.ir.plan import PROBABILITY_BITS, TOKEN, ceil_div
from vitaccel.ir.program import Attention
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.matmul import accumulate, accumulate_unsigned
from vitaccel.reference.softmax import OnlineSoftmax

LOGIT_BITS = 16


@execute.register
def attention(instruction: Attention, state: State) -> None:
    """All heads of an instruction, frame by frame."""
    for frame in range(instruction.frames):
        _frame(instruction, state, frame)


def softmax_of(state: State) -> OnlineSoftmax:
    """The softmax of the machine."""
    numerics = state.arch.numerics
    return OnlineSoftmax(numerics.logit_fraction_bits, numerics.numerator_bits)


def _frame(instruction: Attention, state: State, frame: int) -> None:
    side, banks = state.arch.array.side, state.memories.activation
    heads, softmax = instruction.heads, softmax_of(state)
    sets = state.sets(instruction.parameters, 2 * heads)
    of_logits, of_output = (tuple(part[at::2] for part in sets) for at in (0, 1))
    rows = instruction.queries if instruction.mode == "none" else instruction.keys
    summed = instruction.keys if instruction.mode == "none" else instruction.queries
    logits = _logits(instruction, state, frame, of_logits) if instruction.mode == "none" else None
    y = logits if logits is not None else _kept(instruction, state, frame)
    v = _values(instruction, state, frame, summed)
    out_blocks = ceil_div(rows, side)
    residual = None
    if instruction.residual >= 0:
        address = instruction.residual + frame * out_blocks * instruction.residual_step
        width = heads * instruction.value_dim
        wide = banks.read_tokens(address, instruction.residual_step, out_blocks, width, 2, instruction.residual_first)
        residual = wide[:, :rows].reshape(-1, rows, heads, instruction.value_dim).transpose(1, 2)
    _, multiplier, shift = (part.reshape(1, heads, 1) for part in of_output)
    bits = 8 * instruction.out_bytes
    if instruction.mode == "post_softmax_T":
        product = accumulate_unsigned(softmax.probabilities(y).transpose(-1, -2), v, PROBABILITY_BITS)
        rounded = round_shift(product * multiplier[..., None], shift[..., None])
        result = saturate(rounded if residual is None else rounded + residual, bits)
    else:
        y = y if instruction.mode == "none" else y.transpose(-1, -2)
        m, total = softmax.statistics(y)
        product = accumulate_unsigned(softmax.numerators(y, m), v, softmax.numerator_bits)
        result = softmax.normalize(product, total, multiplier.expand_as(total), shift.expand_as(total), bits, residual)
    _write(instruction, state, frame, result.transpose(1, 2).reshape(-1, rows, heads * instruction.value_dim))


def head_width(dim: int, state: State, *, padded: bool) -> int:
    """Channels from one head to the next: whole tiles where a word holds one head, or several arrays take one each."""
    side, count = state.arch.array.side, state.arch.array.count
    return ceil_div(dim, side) * side if padded or count > 1 else dim


def _logits(instruction: Attention, state: State, frame: int, factors: tuple[Tensor, ...]) -> Tensor:
    """Logits ``[images, heads, queries, keys]`` in base 2, int16 codes; written where they are kept."""
    heads, dim = instruction.heads, instruction.head_dim
    q, k = (
        _heads_of(state, address, step, frame, tokens, heads, dim)
        for address, step, tokens in (
            (instruction.q, instruction.q_step, instruction.queries),
            (instruction.k, instruction.k_step, instruction.keys),
        )
    )
    product = accumulate(q, k.transpose(-1, -2)).to(torch.int64)
    _, multiplier, shift = (part.reshape(1, heads, 1, 1) for part in factors)
    y = saturate(round_shift(product * multiplier, shift), LOGIT_BITS)
    if instruction.logits >= 0:
        blocks = ceil_div(instruction.keys, state.arch.array.side)
        kept = y.permute(0, 3, 1, 2).reshape(y.shape[0], instruction.keys, -1)
        kept = torch.nn.functional.pad(kept, (0, 0, 0, blocks * state.arch.array.side - instruction.keys))
        address = instruction.logits + frame * blocks * instruction.logits_step
        state.memories.activation.write_tokens(address, instruction.logits_step, kept, 2, instruction.logits_first)
    return y.to(torch.int16)


def _kept(instruction: Attention, state: State, frame: int) -> Tensor:
    """Kept logits ``[images, heads, queries, keys]``."""
    blocks = ceil_div(instruction.keys, state.arch.array.side)
    address = instruction.logits + frame * blocks * instruction.logits_step
    channels = instruction.heads * instruction.queries
    first = instruction.logits_first
    kept = state.memories.activation.read_tokens(address, instruction.logits_step, blocks, channels, 2, first)
    split = kept[:, : instruction.keys].reshape(-1, instruction.keys, instruction.heads, instruction.queries)
    return split.permute(0, 2, 3, 1).to(torch.int16)


def _heads_of(state: State, address: int, step: int, frame: int, tokens: int, heads: int, dim: int) -> Tensor:
    """Heads of queries or keys, ``[images, heads, tokens, dim]``."""
    blocks, width = ceil_div(tokens, state.arch.array.side), head_width(dim, state, padded=False)
    rows = state.memories.activation.read_tokens(address + frame * blocks * step, step, blocks, heads * width)
    return rows[:, :tokens].reshape(-1, tokens, heads, width)[..., :dim].transpose(1, 2)


def _values(instruction: Attention, state: State, frame: int, tokens: int) -> Tensor:
    """Heads of values, ``[images, heads, tokens, value_dim]``."""
    heads, dim = instruction.heads, instruction.value_dim
    width = head_width(dim, state, padded=True)
    address = instruction.v + frame * tokens
    rows = state.memories.activation.read_rows(address, instruction.v_step, tokens, heads * width)
    return rows.reshape(-1, tokens, heads, width)[..., :dim].transpose(1, 2)


def _write(instruction: Attention, state: State, frame: int, values: Tensor) -> None:
    banks, side = state.memories.activation, state.arch.array.side
    rows = values.shape[1]
    if instruction.drain != TOKEN:
        banks.write_rows(instruction.out + frame * rows, instruction.out_step, values, instruction.out_bytes)
        return
    blocks = ceil_div(rows, side)
    padded = torch.nn.functional.pad(values, (0, 0, 0, blocks * side - rows))
    address = instruction.out + frame * blocks * instruction.out_step
    banks.write_tokens(address, instruction.out_step, padded, instruction.out_bytes, instruction.out_first)
