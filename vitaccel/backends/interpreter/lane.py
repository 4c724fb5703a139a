"""Streams through the lanes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vitaccel.backends.interpreter.attention import softmax_of
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.ir.ops import ACTIVATIONS
from vitaccel.ir.parameters import decode_wide
from vitaccel.ir.plan import TOKEN, ceil_div
from vitaccel.ir.program import Lane
from vitaccel.reference.elementwise import AddScaled, Multiply
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.layernorm import MOMENTS, LayerNorm
from vitaccel.reference.requantize import ChannelRequantize, Requantize
from vitaccel.reference.rsqrt import Rsqrt

RSQRT = Rsqrt()
"""The reciprocal square root of every LayerNorm."""


@execute.register
def lane(instruction: Lane, state: State) -> None:
    """One stream: read, compute, write."""
    function = "activation" if instruction.function in ACTIVATIONS else instruction.function
    result = FUNCTIONS[function](instruction, state)
    banks = state.memories.activation
    if instruction.drain != TOKEN:
        banks.write_rows(instruction.out, instruction.out_step, result[:, : instruction.tokens], instruction.out_bytes)
        return
    if instruction.shift:
        result = _among_others(instruction, state, result[:, : instruction.tokens])
    banks.write_tokens(instruction.out, instruction.out_step, result, instruction.out_bytes, instruction.out_first)


def _operand(instruction: Lane, state: State) -> Tensor:
    """Rows of the first operand; of tokens that move up, from the first of them on."""
    skip = max(0, -instruction.shift)
    blocks = instruction.row_blocks
    if instruction.shift:
        blocks = ceil_div(instruction.tokens + skip, state.arch.array.side)
    rows = state.memories.activation.read_tokens(
        instruction.a, instruction.a_step, blocks, instruction.channels, instruction.element_bytes
    )
    return rows[:, skip:]


def _second(instruction: Lane, state: State) -> Tensor:
    return state.memories.activation.read_tokens(
        instruction.b, instruction.b_step, instruction.row_blocks, instruction.channels, instruction.element_bytes
    )


def _among_others(instruction: Lane, state: State, moved: Tensor) -> Tensor:
    """Tokens that moved by lanes, among those that stand where they are written."""
    into = max(0, instruction.shift)
    target = state.memories.activation.read_tokens(
        instruction.out,
        instruction.out_step,
        instruction.row_blocks,
        instruction.channels,
        instruction.out_bytes,
        instruction.out_first,
    )
    target[:, into : into + instruction.tokens] = moved
    return target


def _copy(instruction: Lane, state: State) -> Tensor:
    return _operand(instruction, state)


def _zero(instruction: Lane, state: State) -> Tensor:
    rows = instruction.row_blocks * state.arch.array.side
    return torch.zeros((state.memories.images, rows, instruction.channels), dtype=torch.int32)


def _layernorm(instruction: Lane, state: State) -> Tensor:
    raw = state.memories.parameter[instruction.parameters].numpy()
    offsets, multipliers, shifts = state.sets(instruction.parameters + 1, instruction.channels)
    spec = LayerNorm(multipliers, offsets, int(shifts[0]), decode_wide(raw), 8 * instruction.out_bytes, RSQRT)
    return spec.compute(_operand(instruction, state), _taken(instruction, state))


def _taken(instruction: Lane, state: State) -> Tensor | None:
    """Moments ``[images, row_blocks * P, 2]`` that were taken of the rows as they drained, if they were."""
    if instruction.moments < 0:
        return None
    kept = state.memories.moments[:, instruction.moments : instruction.moments + instruction.row_blocks]
    return kept.reshape(len(kept), -1, MOMENTS)


def _requantize(instruction: Lane, state: State) -> Tensor:
    offsets, multipliers, shifts = state.sets(instruction.parameters, instruction.channels)
    spec = ChannelRequantize(multipliers, shifts, offsets, 8 * instruction.out_bytes)
    return spec.compute(_operand(instruction, state))


def _add(instruction: Lane, state: State) -> Tensor:
    if instruction.b < 0:
        return _requantize(instruction, state)
    _, (a, b), shifts = state.sets(instruction.parameters, 2)
    spec = AddScaled(int(a), int(b), int(shifts[0]), 8 * instruction.out_bytes)
    return spec.compute(_operand(instruction, state), _second(instruction, state))


def _mul(instruction: Lane, state: State) -> Tensor:
    if instruction.b < 0:
        return _requantize(instruction, state)
    spec = Multiply(_factor(instruction, state, 8 * instruction.out_bytes))
    return spec.compute(_operand(instruction, state), _second(instruction, state))


def _factor(instruction: Lane, state: State, bits: int) -> Requantize:
    _, multiplier, shift = state.sets(instruction.parameters, 1)
    return Requantize(int(multiplier), int(shift), bits)


def _activation(instruction: Lane, state: State) -> Tensor:
    codes = _factor(instruction, state, 8).compute(_operand(instruction, state))
    return state.look_up(instruction.table, codes)


def _head_mean(instruction: Lane, state: State) -> Tensor:
    """Probabilities of kept logits ``[keys, heads * queries]``, averaged over heads: ``[keys, queries]``."""
    kept = _operand(instruction, state)[:, : instruction.tokens].to(torch.int16)
    split = kept.reshape(kept.shape[0], instruction.tokens, instruction.heads, -1).permute(0, 2, 3, 1)
    total = softmax_of(state).probabilities(split).sum(1)
    factor = _factor(instruction, state, 8 * instruction.out_bytes)
    mean = saturate(round_shift(total * factor.multiplier, factor.shift), factor.bits).transpose(-1, -2)
    rows = instruction.row_blocks * state.arch.array.side
    return torch.nn.functional.pad(mean, (0, 0, 0, rows - instruction.tokens))


FUNCTIONS: dict[str, Callable[[Lane, State], Tensor]] = {
    "copy": _copy,
    "zero": _zero,
    "layernorm": _layernorm,
    "convert": _requantize,
    "add": _add,
    "mul": _mul,
    "activation": _activation,
    "head_mean": _head_mean,
}
"""Lane functions by name; activations are one."""
