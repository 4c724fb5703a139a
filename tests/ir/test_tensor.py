"""Tensors of the Plan: sizes against a layout that is counted out element by element."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.arch import Arch
from vitaccel.ir.tensor import CHANNEL, TOKEN, Tensor, activation_words

MACHINES = {pe: Arch().with_pe(pe) for pe in ("4x4", "64", "3x8x8", "5x4x4", "3x6x6", "2x5x5")}

tensors = st.builds(
    Tensor,
    name=st.just("x"),
    frames=st.integers(1, 3),
    tokens=st.integers(1, 20),
    channels=st.integers(1, 40),
    element_bytes=st.sampled_from([1, 2]),
    layout=st.sampled_from([TOKEN, CHANNEL]),
)
machines = st.sampled_from(sorted(MACHINES)).map(MACHINES.__getitem__)


def placed(tensor: Tensor, arch: Arch) -> dict[tuple[int, int], set[tuple[int, int, int]]]:
    """(frame, token, channel) of every element, by bank and P-byte word: tiles of channels go round the banks by turns.

    Bytes of a number stand in planes, and planes, row-blocks and tiles begin at multiples of eight words.
    """
    side, count = arch.array.side, arch.array.count
    words: dict[tuple[int, int], set[tuple[int, int, int]]] = {}
    blocks = -(-tensor.tokens // side)
    turn = math.lcm(side, 8)
    own = Counter(channel // turn % count for channel in range(tensor.channels))
    per_bank = -(-max(own.values()) // side)
    plane = per_bank * side if tensor.layout == TOKEN else tensor.frames * tensor.tokens
    plane += -plane % 8
    for frame in range(tensor.frames):
        for token in range(tensor.tokens):
            for channel in range(tensor.channels):
                bank, of_bank = channel // turn % count, channel // turn // count * turn + channel % turn
                tile = of_bank // side
                if tensor.layout == TOKEN:
                    run, word = frame * blocks + token // side, tile * side + channel % side
                else:
                    run, word = tile, frame * tensor.tokens + token
                for byte in range(tensor.element_bytes):
                    at = (run * tensor.element_bytes + byte) * plane + word
                    words.setdefault((bank, at), set()).add((frame, token, channel))
    return words


@given(tensors, machines)
def test_words_hold_every_element(tensor: Tensor, arch: Arch) -> None:
    words = placed(tensor, arch)
    assert max(len(held) for held in words.values()) <= arch.array.side
    most = max(word for _, word in words)
    assert most < tensor.words(arch)
    slack = arch.array.side + 7 if tensor.layout == TOKEN else 8
    assert tensor.words(arch) - most <= slack


@given(tensors, machines)
def test_row_blocks_channels_and_tiles_are_where_they_are_said_to_be(tensor: Tensor, arch: Arch) -> None:
    side = arch.array.side
    blocks = -(-tensor.tokens // side)
    assert tensor.row_blocks(arch) == tensor.frames * blocks
    for (bank, word), held in placed(tensor, arch).items():
        frame, token, channel = min(held)
        if tensor.layout == TOKEN:
            block = frame * blocks + token // side
            step = tensor.row_block_words(arch)
            first = block * step + tensor.channel_words(arch, channel)
        else:
            step = tensor.tile_words()
            first = tensor.channel_words(arch, channel) // side * step + frame * tensor.tokens + token
            assert tensor.first_token(arch, frame * blocks + token // side) == (
                frame * tensor.tokens + token // side * side
            )
        assert word in [first + byte * (step // tensor.element_bytes) for byte in range(tensor.element_bytes)]
        assert channel // math.lcm(side, 8) % arch.array.count == bank


@given(tensors, machines)
def test_dram_holds_whole_words_of_lanes(tensor: Tensor, arch: Arch) -> None:
    side = arch.array.side
    if tensor.layout == TOKEN:
        lanes = tensor.row_blocks(arch) * side
        assert tensor.dram_bytes(arch) == lanes * tensor.channels * tensor.element_bytes
    else:
        padded = -(-tensor.channels // side) * side
        assert tensor.dram_bytes(arch) == tensor.frames * tensor.tokens * padded * tensor.element_bytes


def test_a_run_of_row_blocks_that_stands_alone() -> None:
    tensor = Tensor(name="x", frames=2, tokens=20, channels=12, element_bytes=2)
    assert tensor.run_words(Arch(), 1, 3) == 3 * 2 * 8 * 2
    assert replace(tensor, layout=CHANNEL).run_words(Arch(), 1, 3) == (8 + 4 + 8 + 4) * 2 * 2
    assert replace(tensor, layout=CHANNEL).run_words(Arch(), 0, 6) == replace(tensor, layout=CHANNEL).words(Arch())


@pytest.mark.parametrize(("pe", "size", "words"), [("8x8", 1 << 13, 1024), ("5x5", 1064, 208), ("3x8x8", 5100, 208)])
def test_words_of_a_bank_that_are_no_multiple_of_8_are_not_used(pe: str, size: int, words: int) -> None:
    arch = Arch().with_pe(pe).with_settings({"buffers.activation_bytes": str(size)})
    assert activation_words(arch) == words
