"""Attention: heads that stream on several arrays, reuses, widths of numerators, logits of 8 fraction bits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.interpreter.attention_nets import attention_net
from tests.backends.interpreter.networks import Case, machine_of
from vitaccel.backends.interpreter.attention import head_channels
from vitaccel.backends.interpreter.execute import State
from vitaccel.backends.interpreter.memory import Dram, Memories
from vitaccel.errors import CapacityError
from vitaccel.ir.program import Attention

NETS: dict[str, dict[str, Any]] = {
    "plain": {"heads": 8},
    "residual": {"heads": 7, "dim": 10, "residual": True},
    "post": {"heads": 9, "dim": 6, "reuse": "post_softmax_T", "residual": True},
    "pre, batch": {"heads": 8, "dim": 5, "reuse": "pre_softmax_T", "batch": 2},
    "narrow values": {"heads": 9, "dim": 20, "value_dim": 4, "reuse": "pre_softmax_T", "residual": True},
    "mean": {"heads": 6, "reuse": "head_mean_T", "value_dim": 3, "residual": True},
    "sharp": {"heads": 2, "sharpness": 40.0, "keys": 70},
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("pe", ["8x8", "3x8x8", "5x4x4"])
def test_every_form_of_attention_is_the_oracles(pe: str, net: str, seed: int) -> None:
    assert Case(attention_net(seed, **NETS[net]), machine_of(pe), seed).differences() == []


@pytest.mark.parametrize("net", ["residual", "post", "pre, batch", "narrow values"])
def test_heads_that_stream_on_several_arrays(net: str, seed: int) -> None:
    """The first of some heads may stand in any bank of a tensor that is not staged."""
    graph, split = attention_net(seed, **NETS[net]), 0
    elsewhere = set()
    for pe in ("2x8x8", "3x4x4"):
        for size in (14, 12, 10, 8):
            arch = machine_of(pe, buffers__activation_bytes=size << 10, buffers__weight_bytes=1 << 13)
            case = Case(graph, arch, seed)
            try:
                instructions = case.lowered.program.instructions
            except CapacityError:
                continue
            parts = [i for i in instructions if isinstance(i, Attention) and i.heads < NETS[net]["heads"]]
            split += bool(parts)
            elsewhere |= {i.out_first % (8 if pe == "2x8x8" else 4) for i in parts}
            assert case.differences() == []
    assert split
    assert elsewhere


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("fraction", [6, 8])
def test_widths_of_numerators_and_logits(bits: int, fraction: int, seed: int) -> None:
    arch = machine_of("8x8", numerics__numerator_bits=bits, numerics__logit_fraction_bits=fraction)
    for reuse in ("post_softmax_T", "pre_softmax_T"):
        graph = attention_net(seed, reuse=reuse, fraction=fraction, sharpness=3.0)
        assert Case(graph, arch, seed).differences() == []


def test_numerators_of_other_widths_are_other_numbers(seed: int) -> None:
    graph = attention_net(seed, heads=2, keys=70)
    runs = [Case(graph, machine_of("8x8", numerics__numerator_bits=bits), seed).run() for bits in (8, 16)]
    (name, *_) = runs[0].outputs
    assert (runs[0].outputs[name] != runs[1].outputs[name]).any()


def test_heads_are_as_wide_as_their_words() -> None:
    def width(pe: str, part: str, dim: int, *by_array: str) -> tuple[int, list[int]]:
        arch = machine_of(pe)
        state = State(arch, Memories(arch, Dram(_nothing(), {}, 1), 1))
        instruction = Attention(layer="", v=0, out=0, frames=1, heads=3, head_dim=dim, value_dim=dim, queries=1, keys=1,
                                by_array=" ".join(by_array))  # fmt: skip
        stand = head_channels(instruction, part, dim, state)
        return stand.channels, stand.places[:, 0].tolist()

    assert width("8x8", "q", 6) == width("8x8", "out", 6) == (18, [0, 6, 12])
    assert width("8x8", "v", 6) == (24, [0, 8, 16])
    assert width("2x8x8", "q", 20) == (72, [0, 24, 48])
    # Tiles of two heads by turns, in rounds.
    assert width("2x8x8", "q", 20, "q") == (96, [0, 8, 48])


def _nothing() -> Any:
    import torch

    return torch.zeros(64, dtype=torch.uint8)
