"""Fused attention: logits in base 2, online softmax, and values, in all the ways in which logits are used."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.ir.heads import channels_of_head, columns_of_heads, places_of_heads
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
    stand = head_channels(instruction, "out", instruction.value_dim, state)
    _write(instruction, state, frame, stand.join(result.transpose(1, 2)))


@dataclass(frozen=True)
class HeadChannels:
    """Channels of an operand, and where those of the heads are among them: [heads, channels of a head]."""

    channels: int
    places: Tensor

    def of(self, values: Tensor) -> Tensor:
        """Heads ``[..., heads, channels of a head]`` of numbers ``[..., channels]``."""
        return values[..., self.places]

    def join(self, heads: Tensor) -> Tensor:
        """Numbers ``[..., channels]`` of heads ``[..., heads, channels of a head]``; others are 0."""
        joined = heads.new_zeros(*heads.shape[:-2], self.channels)
        joined[..., self.places.reshape(-1)] = heads.flatten(-2)
        return joined


def head_channels(instruction: Attention, part: str, dim: int, state: State) -> HeadChannels:
    """Where the channels of the heads of an operand or a result are."""
    array, heads = state.arch.array, instruction.heads
    if part in instruction.by_array.split():
        channels = columns_of_heads(heads, dim, array.side, array.count)
        places = torch.from_numpy(places_of_heads(heads, dim, array.side, array.count).copy()).reshape(heads, dim)
        return HeadChannels(channels, places)
    joined = part in ("out", "logits") or (part != "v" and array.count == 1)
    width = dim if joined else channels_of_head(dim, array.side, array.count)
    return HeadChannels(heads * width, torch.arange(heads).reshape(-1, 1) * width + torch.arange(dim))


def _logits(instruction: Attention, state: State, frame: int, factors: tuple[Tensor, ...]) -> Tensor:
    """Logits ``[images, heads, queries, keys]`` in base 2, int16 codes; written where they are kept."""
    heads = instruction.heads
    q, k = (
        _heads_of(instruction, state, part, frame, tokens)
        for part, tokens in (("q", instruction.queries), ("k", instruction.keys))
    )
    product = accumulate(q, k.transpose(-1, -2)).to(torch.int64)
    _, multiplier, shift = (part.reshape(1, heads, 1, 1) for part in factors)
    y = saturate(round_shift(product * multiplier, shift), LOGIT_BITS)
    if instruction.logits >= 0:
        blocks = ceil_div(instruction.keys, state.arch.array.side)
        kept = head_channels(instruction, "logits", instruction.queries, state).join(y.permute(0, 3, 1, 2))
        kept = torch.nn.functional.pad(kept, (0, 0, 0, blocks * state.arch.array.side - instruction.keys))
        address = instruction.logits + frame * blocks * instruction.logits_step
        state.memories.activation.write_tokens(address, instruction.logits_step, kept, 2, instruction.logits_first)
    return y.to(torch.int16)


def _kept(instruction: Attention, state: State, frame: int) -> Tensor:
    """Kept logits ``[images, heads, queries, keys]``."""
    blocks = ceil_div(instruction.keys, state.arch.array.side)
    address = instruction.logits + frame * blocks * instruction.logits_step
    stand, first = head_channels(instruction, "logits", instruction.queries, state), instruction.logits_first
    kept = state.memories.activation.read_tokens(address, instruction.logits_step, blocks, stand.channels, 2, first)
    return stand.of(kept[:, : instruction.keys]).permute(0, 2, 3, 1).to(torch.int16)


def _heads_of(instruction: Attention, state: State, part: str, frame: int, tokens: int) -> Tensor:
    """Heads of queries or keys, ``[images, heads, tokens, dim]``."""
    address, step = (instruction.q, instruction.q_step) if part == "q" else (instruction.k, instruction.k_step)
    stand, blocks = (
        head_channels(instruction, part, instruction.head_dim, state),
        ceil_div(tokens, state.arch.array.side),
    )
    rows = state.memories.activation.read_tokens(address + frame * blocks * step, step, blocks, stand.channels)
    return stand.of(rows[:, :tokens]).transpose(1, 2)


def _values(instruction: Attention, state: State, frame: int, tokens: int) -> Tensor:
    """Heads of values, ``[images, heads, tokens, value_dim]``."""
    stand, address = head_channels(instruction, "v", instruction.value_dim, state), instruction.v + frame * tokens
    rows = state.memories.activation.read_rows(address, instruction.v_step, tokens, stand.channels)
    return stand.of(rows).transpose(1, 2)


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
