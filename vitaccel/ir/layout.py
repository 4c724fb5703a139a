"""Tensors as bytes: how integers of frames, tokens and channels stand in DRAM, in either layout.

Both are words of P bytes, a lane each. A token-lane tensor is ``[row-block][byte][channel][lane]``: lanes are tokens
of one frame, a frame's last row-block is filled up with zeros. A channel-lane tensor is ``[tile][byte][token][lane]``:
lanes are channels, tokens of all frames follow each other, and the last tile is filled up. Of an int16 tensor, the low
bytes of a whole row-block or tile stand before its high bytes. On chip the same runs of words begin at rounder
addresses (see :class:`vitaccel.ir.tensor.Tensor`); in DRAM nothing is between them.
"""

from __future__ import annotations

import numpy as np

from vitaccel.arch import Arch
from vitaccel.ir.plan import TOKEN, Tensor, ceil_div


def to_bytes(values: np.ndarray, tensor: Tensor, arch: Arch) -> np.ndarray:
    """Bytes of a tensor in DRAM.

    Parameters
    ----------
    values
        Integers ``[..., frames, tokens, channels]`` that fit ``tensor.element_bytes``.
    tensor, arch
        The tensor, and the machine with P lanes.

    Returns
    -------
    np.ndarray
        uint8 ``[..., tensor.dram_bytes(arch)]``.
    """
    side, width = arch.array.side, tensor.element_bytes
    leading = values.shape[:-3]
    if tensor.layout == TOKEN:
        blocks = ceil_div(tensor.tokens, side)
        padded = _pad(values, -2, blocks * side)
        words = padded.reshape(*leading, tensor.frames * blocks, side, tensor.channels)
        words = np.moveaxis(words, -2, -1)
    else:
        tiles = ceil_div(tensor.channels, side)
        padded = _pad(values, -1, tiles * side).reshape(*leading, tensor.frames * tensor.tokens, tiles, side)
        words = np.moveaxis(padded, -2, -3)
    split = np.ascontiguousarray(words.astype(f"<i{width}")).view(np.uint8).reshape(*words.shape, width)
    return np.ascontiguousarray(np.moveaxis(split, -1, -3)).reshape(*leading, -1)


def from_bytes(raw: np.ndarray, tensor: Tensor, arch: Arch) -> np.ndarray:
    """Integers ``[..., frames, tokens, channels]`` of the bytes of a tensor, int64: what :func:`to_bytes` was given."""
    side, width = arch.array.side, tensor.element_bytes
    leading = raw.shape[:-1]
    run = tensor.channels if tensor.layout == TOKEN else tensor.frames * tensor.tokens
    split = np.moveaxis(raw.reshape(*leading, -1, width, run, side), -3, -1)
    numbers = np.ascontiguousarray(split).view(f"<i{width}")[..., 0].astype(np.int64)
    if tensor.layout == TOKEN:
        blocks = ceil_div(tensor.tokens, side)
        words = np.moveaxis(numbers.reshape(*leading, tensor.frames * blocks, tensor.channels, side), -1, -2)
        return words.reshape(*leading, tensor.frames, blocks * side, tensor.channels)[..., : tensor.tokens, :]
    tiles = ceil_div(tensor.channels, side)
    words = np.moveaxis(numbers.reshape(*leading, tiles, tensor.frames * tensor.tokens, side), -3, -2)
    return words.reshape(*leading, tensor.frames, tensor.tokens, tiles * side)[..., : tensor.channels]


def _pad(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, size - values.shape[axis])
    return np.pad(values, widths)
