"""Matmuls: token mixes, means and products of activations, narrow weights, small rings, decoded tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.backends.interpreter import machine
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.backends.interpreter.matmul import _unpacked
from vitaccel.ir.ops import Activation, Add, Mean
from vitaccel.ir.program import Instruction, Lane, Load


@pytest.mark.parametrize("pe", ["8x8", "3x8x8", "4x4"])
def test_a_mean_and_an_mlp_with_an_odd_depth(pe: str, seed: int) -> None:
    net = Net(seed)
    x = net.linear(net.input(2, 21, 19), 13)
    hidden = net.op(Activation("silu"), net.linear(net.norm(x), 37))
    y = net.op(Add(), x, net.linear(hidden, 13))
    graph = net.quantized(net.linear(net.op(Mean(), net.norm(y)), 9), net.norm(y), seed=seed)
    assert Case(graph, machine_of(pe), seed).differences() == []


@pytest.mark.parametrize("kind", ["gelu", "relu", "hardswish", "tanh"])
def test_activations_behind_a_matmul(kind: str, seed: int) -> None:
    net = Net(seed)
    x = net.input(1, 13, 10)
    graph = net.quantized(net.linear(net.op(Activation(kind), net.linear(x, 22)), 7), seed=seed)
    assert Case(graph, machine_of("8x8"), seed).differences() == []


@pytest.mark.parametrize("pe", ["8x8", "3x8x8"])
@pytest.mark.parametrize("name", ["vit", "m3vit"])
def test_weights_of_four_bits(pe: str, name: str, seed: int) -> None:
    case = Case(quantized(name, seed, weight_bits=4), machine_of(pe, numerics__weight_bits=4), seed)
    assert case.differences() == []


def test_a_small_ring_is_filled_again(seed: int) -> None:
    case = Case(quantized("vit", seed), machine_of("8x8", buffers__weight_bytes=1 << 12), seed)
    places = [i.address for i in case.lowered.program.instructions if isinstance(i, Load) and i.buffer == "weight"]
    assert len(set(places)) < len(places)
    assert case.differences() == []


@pytest.mark.parametrize("pe", ["8x8", "3x4x4"])
def test_moments_are_those_of_the_rows_that_drained(pe: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summed up strip by strip, of channels that exist: beside the rows, read whole when a LayerNorm comes to them."""
    case = Case(quantized("vit-mean", seed), machine_of(pe), seed, runs=1)
    seen = 0

    def checked(instruction: Instruction, state: State) -> None:
        nonlocal seen
        if isinstance(instruction, Lane) and instruction.moments >= 0:
            place = instruction.moments
            kept = state.memories.moments[0, place : place + instruction.row_blocks].reshape(-1, 2).numpy()
            address, step, blocks = instruction.a, instruction.a_step, instruction.row_blocks
            read = state.memories.activation.read_tokens(address, step, blocks, instruction.channels, 2)
            rows = read[0].numpy().astype(np.int64)
            np.testing.assert_array_equal(kept, np.stack([rows.sum(1), (rows * rows).sum(1)], 1))
            seen += 1
        execute(instruction, state)

    monkeypatch.setattr(machine, "execute", checked)
    assert case.differences() == []
    assert seen


def test_unpacked_weights_are_signed() -> None:
    raw = torch.from_numpy(np.array([[0x7F, 0x80, 0x18]], np.uint8).view(np.int8))
    assert _unpacked(raw, 3, 8).tolist() == [[127, -128, 24]]
    assert _unpacked(raw, 5, 4).tolist() == [[-1, 7, 0, -8, -8]]
