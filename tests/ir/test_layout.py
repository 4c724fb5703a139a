"""Tensors as bytes: every number where the layout says, and back again."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.arch import Arch
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.plan import CHANNEL, TOKEN, Tensor

ARCH = Arch().with_pe("4x4")


def tensor(layout: str, width: int, frames: int = 2, tokens: int = 5, channels: int = 6) -> Tensor:
    return Tensor(
        name="x", frames=frames, tokens=tokens, channels=channels, element_bytes=width, layout=layout, kind="input"
    )


@pytest.mark.parametrize("layout", [TOKEN, CHANNEL])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("leading", [(), (3,)])
def test_there_and_back(layout: str, width: int, leading: tuple[int, ...], seed: int) -> None:
    limit = 1 << 8 * width - 1
    shape = (*leading, 2, 5, 6)
    values = np.random.default_rng(seed).integers(-limit, limit, shape)
    values.flat[:2] = -limit, limit - 1
    placed = tensor(layout, width)
    raw = to_bytes(values, placed, ARCH)
    assert raw.shape == (*leading, placed.dram_bytes(ARCH))
    assert np.array_equal(from_bytes(raw, placed, ARCH), values)


def test_where_a_token_lane_number_stands() -> None:
    values = np.arange(2 * 5 * 6).reshape(2, 5, 6) * 300 - 9000
    raw = to_bytes(values, tensor(TOKEN, 2), ARCH).reshape(4, 2, 6, 4)
    number = int(values[1, 4, 3])  # the second frame's second row-block, lane 0
    assert raw[3, :, 3, 0].tolist() == list(number.to_bytes(2, "little", signed=True))
    assert not raw[3, :, :, 1:].any()


def test_where_a_channel_lane_number_stands() -> None:
    values = np.arange(2 * 5 * 6).reshape(2, 5, 6)
    raw = to_bytes(values, tensor(CHANNEL, 1), ARCH).reshape(2, 10, 4)
    assert raw[1, 5 + 4, 1] == values[1, 4, 5]
    assert not raw[1, :, 2:].any()
    wide = to_bytes(values - 700, tensor(CHANNEL, 2), ARCH).reshape(2, 2, 10, 4)
    assert wide[1, :, 5 + 4, 1].tolist() == list(int(values[1, 4, 5] - 700).to_bytes(2, "little", signed=True))
