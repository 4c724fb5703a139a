"""The memories of the machine: banks of P-byte words, parameter sets, tables, and DRAM.

Several images run side by side: what depends on the image has a leading axis of images; weights, parameters and tables
are the same for all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from vitaccel.arch import PARAMETER_BYTES, Arch
from vitaccel.ir.parameters import TABLE_SLOTS
from vitaccel.ir.plan import ceil_div


class Banks:
    """One buffer: ``count`` banks of P-byte words, for each of some images.

    Parameters
    ----------
    images, count, words, side
        Images, banks, words of a bank, and P.
    """

    def __init__(self, images: int, count: int, words: int, side: int) -> None:
        self.count, self.words, self.side = count, words, side
        self.data = torch.zeros((images, count * words, side), dtype=torch.int8)

    def fetch(self, places: Tensor) -> Tensor:
        """Words ``[images, *places.shape, P]`` at places: bank times words of a bank, plus address."""
        return self.data.index_select(1, places.reshape(-1)).reshape(self.data.shape[0], *places.shape, self.side)

    def put(self, places: Tensor, words: Tensor) -> None:
        """Write words ``[images, *places.shape, P]``."""
        flat = words.expand(self.data.shape[0], *words.shape[1:]).reshape(self.data.shape[0], -1, self.side)
        self.data.index_copy_(1, places.reshape(-1), flat)

    # -- token-lane ------------------------------------------------------------------------------------------------
    def token_places(
        self, address: int, step: int, row_blocks: int, channels: int, width: int, first: int = 0
    ) -> Tensor:
        """Places ``[row_blocks, channels, width]`` of channels of row-blocks.

        ``address`` is that of channel ``first`` of the tensor, whose tile says in which bank it is.
        """
        words = _channel_words(first, channels, width, self.side, self.count, self.words)
        return address + torch.arange(row_blocks).reshape(-1, 1, 1) * step + words

    def read_tokens(
        self, address: int, step: int, row_blocks: int, channels: int, width: int = 1, first: int = 0
    ) -> Tensor:
        """Integers ``[images, row_blocks * P, channels]``, int32."""
        words = self.fetch(self.token_places(address, step, row_blocks, channels, width, first))
        numbers = _join(words, -2)  # [images, row_blocks, channels, P]
        return numbers.transpose(-1, -2).reshape(numbers.shape[0], row_blocks * self.side, channels)

    def write_tokens(self, address: int, step: int, values: Tensor, width: int, first: int = 0) -> None:
        """Write integers ``[images, row_blocks * P, channels]``."""
        images, rows, channels = values.shape
        blocks = rows // self.side
        lanes = values.reshape(images, blocks, self.side, channels).transpose(-1, -2)
        self.put(self.token_places(address, step, blocks, channels, width, first), _split(lanes, width, -2))

    # -- channel-lane ----------------------------------------------------------------------------------------------
    def row_places(self, address: int, step: int, tokens: int, tiles: int, width: int) -> Tensor:
        """Places ``[tokens, tiles, width]`` of tiles of tokens; the first tile is in the first bank."""
        tile = torch.arange(tiles)
        of_tile = tile % self.count * self.words + tile // self.count * step
        of_token = torch.arange(tokens).reshape(-1, 1, 1) * width + torch.arange(width)
        return address + of_tile.reshape(1, -1, 1) + of_token

    def read_rows(self, address: int, step: int, tokens: int, channels: int, width: int = 1) -> Tensor:
        """Integers ``[images, tokens, channels]``, int32."""
        tiles = ceil_div(channels, self.side)
        numbers = _join(self.fetch(self.row_places(address, step, tokens, tiles, width)), -2)
        return numbers.reshape(numbers.shape[0], tokens, tiles * self.side)[..., :channels]

    def write_rows(self, address: int, step: int, values: Tensor, width: int) -> None:
        """Write integers ``[images, tokens, channels]``; the last tile is filled up with zeros."""
        images, tokens, channels = values.shape
        tiles = ceil_div(channels, self.side)
        padded = torch.nn.functional.pad(values, (0, tiles * self.side - channels))
        lanes = padded.reshape(images, tokens, tiles, self.side)
        self.put(self.row_places(address, step, tokens, tiles, width), _split(lanes, width, -2))


@lru_cache(maxsize=4096)
def _channel_words(first: int, channels: int, width: int, side: int, count: int, words: int) -> Tensor:
    """Place of each byte of each channel, relative to the address of the first: bank and word."""
    at = torch.arange(first, first + channels)
    word = (at // side // count * side + at % side) * width
    start = (first // side // count * side + first % side) * width
    places = at // side % count * words + word - start
    return places.reshape(-1, 1) + torch.arange(width)


def _join(words: Tensor, axis: int) -> Tensor:
    """Numbers from bytes, low byte first along an axis, which goes; int32."""
    if words.shape[axis] == 1:
        return words.squeeze(axis).to(torch.int32)
    low, high = words.unbind(axis)
    return (high.to(torch.int32) << 8) | (low.to(torch.int32) & 0xFF)


def _split(numbers: Tensor, width: int, axis: int) -> Tensor:
    """Bytes of numbers, low byte first along a new axis; int8."""
    if width == 1:
        return numbers.to(torch.int8).unsqueeze(axis)
    # Conversion to int8 keeps the low eight bits.
    return torch.stack([numbers.to(torch.int8), (numbers >> 8).to(torch.int8)], axis)


class Dram:
    """DRAM: one image of the constants for all, and regions that every image of the batch has for itself.

    Parameters
    ----------
    constants
        uint8 of all addresses.
    regions
        Address and bytes of what runs write, inputs included.
    images
        Images side by side.
    """

    def __init__(self, constants: Tensor, regions: Mapping[str, tuple[int, int]], images: int) -> None:
        self.constants = constants.view(torch.int8)
        self.regions = dict(sorted(regions.items(), key=lambda item: item[1]))
        self.own = {name: torch.zeros((images, size), dtype=torch.int8) for name, (_, size) in self.regions.items()}
        self._starts = [address for address, _ in self.regions.values()]
        self._names = list(self.regions)

    def run(self, address: int, size: int) -> Tensor:
        """The bytes from an address on, ``[images or 1, size]``: a view to read from or, in a region, to write to."""
        at = bisect_right(self._starts, address) - 1
        if at >= 0:
            start, length = self.regions[self._names[at]]
            if address < start + length:
                return self.own[self._names[at]][:, address - start : address - start + size]
        return self.constants[None, address : address + size]


class Memories:
    """All memories of one machine.

    Parameters
    ----------
    arch
        The machine.
    dram
        Its DRAM.
    images
        Images side by side.
    """

    def __init__(self, arch: Arch, dram: Dram, images: int) -> None:
        side, count = arch.array.side, arch.array.count
        buffers = arch.buffers
        self.arch, self.dram, self.images = arch, dram, images
        self.activation = Banks(images, count, buffers.activation_bytes // (side * count), side)
        self.weight = Banks(1, count, buffers.weight_bytes // (side * count), side)
        self.parameter = torch.zeros(buffers.parameter_bytes // PARAMETER_BYTES, PARAMETER_BYTES, dtype=torch.uint8)
        self.tables: list[Tensor] = [torch.zeros(0, dtype=torch.int8) for _ in range(TABLE_SLOTS)]
        self.loads = 0
        self.loaded_at: dict[int, int] = {}
        """Which load filled the weight ring at an address, counted from the first."""

    def banks(self, buffer: str) -> Banks:
        """The buffer of words by name."""
        return self.weight if buffer == "weight" else self.activation
