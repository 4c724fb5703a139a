"""Banks of words: every byte is where the layout says, both ways; DRAM has regions of each image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.interpreter.memory import Banks, Dram, Memories

WORDS = 400


@pytest.mark.parametrize(("side", "count"), [(8, 1), (4, 3), (5, 1), (6, 2), (8, 2)])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("first", [0, 13])
def test_token_lanes_word_by_word(side: int, count: int, width: int, first: int, seed: int) -> None:
    """Against the sentence of docs/program.md: by turns of lcm(P, 8) channels, each behind the plane's first."""
    banks, channels, blocks, step, base = Banks(2, count, WORDS, side), 21, 3, 90, 7
    values = np.random.default_rng(seed).integers(
        -(1 << 8 * width - 1), 1 << 8 * width - 1, (2, blocks * side, channels)
    )

    turn = math.lcm(side, 8)

    def word(channel: int) -> int:
        return channel // turn // count * turn + channel % turn

    start = base + word(first)
    banks.write_tokens(start, step, torch.from_numpy(values), width, first)
    for image, row, at in [(0, 0, 0), (1, side + 1, 5), (1, 3 * side - 1, channels - 1), (0, 2, 11)]:
        channel, block, lane = first + at, row // side, row % side
        place = channel // turn % count * WORDS + base + block * step + word(channel)
        found = banks.data[image, place :: step // width, lane][:width].numpy().astype(np.int8).tobytes()
        assert int.from_bytes(found, "little", signed=True) == values[image, row, at]
    read = banks.read_tokens(start, step, blocks, channels, width, first)
    np.testing.assert_array_equal(read.numpy(), values)


@pytest.mark.parametrize(("side", "count"), [(8, 1), (4, 3), (6, 2)])
@pytest.mark.parametrize("width", [1, 2])
def test_channel_lanes_word_by_word(side: int, count: int, width: int, seed: int) -> None:
    banks, channels, tokens, step, base = Banks(2, count, WORDS, side), 21, 9, 40, 5
    values = np.random.default_rng(seed).integers(-(1 << 8 * width - 1), 1 << 8 * width - 1, (2, tokens, channels))
    banks.write_rows(base, step, torch.from_numpy(values), width)
    for image, token, channel in [(0, 0, 0), (1, 8, 20), (1, 3, 9), (0, 5, 4)]:
        tile, lane = divmod(channel, side)
        turn, nth = divmod(tile, math.lcm(side, 8) // side)
        own = turn // count * (math.lcm(side, 8) // side) + nth
        place = turn % count * WORDS + base + own * step + token
        found = banks.data[image, place :: step // width, lane][:width].numpy().astype(np.int8).tobytes()
        assert int.from_bytes(found, "little", signed=True) == values[image, token, channel]
    np.testing.assert_array_equal(banks.read_rows(base, step, tokens, channels, width).numpy(), values)


def test_what_is_kept_is_forgotten_when_a_word_of_it_is_written(seed: int) -> None:
    banks, rng = Banks(1, 2, WORDS, 4), np.random.default_rng(seed)
    first = torch.from_numpy(rng.integers(-128, 128, (1, 8, 10)))
    banks.write_tokens(20, 12, first, 1)
    kept = banks.operand(20, 12, 2, 10)
    assert kept.dtype is torch.int32
    banks.write_tokens(100, 12, first, 1)
    assert banks.operand(20, 12, 2, 10) is kept
    for address in (20, 9, 31, 43):
        banks.operand(20, 12, 2, 10)
        other = torch.from_numpy(rng.integers(-128, 128, (1, 4, 10)))
        banks.write_tokens(address, 12, other, 1)
        np.testing.assert_array_equal(banks.operand(20, 12, 2, 10), banks.read_tokens(20, 12, 2, 10))
    assert torch.equal(banks.operand(24, 12, 2, 10), banks.read_tokens(24, 12, 2, 10))


def test_regions_of_dram_are_each_images_own() -> None:
    constants = torch.arange(64, dtype=torch.uint8)
    dram = Dram(constants, {"b": (32, 16), "a": (8, 8)}, 3)
    assert dram.run(0, 4).tolist() == [[0, 1, 2, 3]]
    dram.run(34, 2)[1] = 7
    assert dram.own["b"][1, 2:4].tolist() == [7, 7]
    assert dram.run(32, 4).tolist() == [[0, 0, 0, 0], [0, 0, 7, 7], [0, 0, 0, 0]]
    assert dram.run(48, 2).tolist() == [[48, 49]]
    assert constants[34] == 34


def test_memories_are_as_large_as_the_machine_says() -> None:
    arch = machine_of("3x8x8", buffers__activation_bytes=24000, buffers__parameter_bytes=4096)
    memories = Memories(arch, Dram(torch.zeros(8, dtype=torch.uint8), {}, 2), 2)
    assert memories.activation.data.shape == (2, 3 * 1000, 8)
    assert memories.parameter.shape == (512, 8)
    assert memories.banks("weight") is memories.weight
    assert memories.banks("activation") is memories.activation
