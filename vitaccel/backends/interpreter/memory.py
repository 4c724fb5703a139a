"""The memories of the machine: banks of P-byte words, parameter sets, tables, moments of rows, and DRAM.

Of numbers of two bytes, the low bytes of a row-block (or of a tile of channels) stand before the high bytes: the step
to the next row-block (or tile) is twice the distance between the two planes.

Several images run side by side: what depends on the image has a leading axis of images; weights, parameters and tables
are the same for all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from vitaccel.arch import PARAMETER_BYTES, Arch
from vitaccel.ir.parameters import TABLE_SLOTS
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.tensor import activation_words
from vitaccel.reference.layernorm import MOMENTS
from vitaccel_rtl.accelerator.parts import Turns


class Banks:
    """One buffer: ``count`` banks of P-byte words, for each of some images.

    Parameters
    ----------
    images, count, words, side
        Images, banks, words of a bank, and P.
    """

    def __init__(self, images: int, count: int, words: int, side: int) -> None:
        self.count, self.words, self.side = count, words, side
        self.turns = Turns(side, count)
        self.data = torch.zeros((images, count * words, side), dtype=torch.int8)
        self._kept: Kept | None = None

    def fetch(self, places: Tensor) -> Tensor:
        """Words ``[images, *places.shape, P]`` at places: bank times words of a bank, plus address."""
        return self.data.index_select(1, places.reshape(-1)).reshape(self.data.shape[0], *places.shape, self.side)

    def put(self, places: Tensor, words: Tensor) -> None:
        """Write words ``[images, *places.shape, P]``."""
        flat = words.expand(self.data.shape[0], *words.shape[1:]).reshape(self.data.shape[0], -1, self.side)
        if self._kept and self._kept.touched(places % self.words):
            self._kept = None
        self.data.index_copy_(1, places.reshape(-1), flat)

    # -- token-lane ------------------------------------------------------------------------------------------------
    def token_places(
        self, address: int, step: int, row_blocks: int, channels: int, width: int, first: int = 0
    ) -> Tensor:
        """Places ``[row_blocks, channels, width]`` of channels of row-blocks.

        ``address`` is that of channel ``first`` of the tensor, whose tile says in which bank it is.
        """
        words = _channel_words(first, channels, self.turns, self.words).reshape(-1, 1)
        planes = torch.arange(width) * (step // width)
        return address + torch.arange(row_blocks).reshape(-1, 1, 1) * step + words + planes

    def read_tokens(
        self, address: int, step: int, row_blocks: int, channels: int, width: int = 1, first: int = 0
    ) -> Tensor:
        """Integers ``[images, row_blocks * P, channels]``, int8 or int16 as ``width`` says."""
        # Words of row-blocks, channels and bytes; the lane becomes a token.
        words = self.fetch(self.token_places(address, step, row_blocks, channels, width, first))
        numbers = _numbers(words.permute(0, 1, 4, 2, 3))
        return numbers.reshape(numbers.shape[0], row_blocks * self.side, channels)

    def operand(self, address: int, step: int, row_blocks: int, channels: int) -> Tensor:
        """Int8 of :meth:`read_tokens` as int32, kept until a word of them is written: what many tiles multiply."""
        key = (address, step, row_blocks, channels)
        if self._kept is None or self._kept.key != key:
            places = self.token_places(address, step, row_blocks, channels, 1) % self.words
            numbers = self.read_tokens(address, step, row_blocks, channels).to(torch.int32)
            self._kept = Kept(key, int(places.min()), int(places.max()), numbers)
        return self._kept.numbers

    def write_tokens(self, address: int, step: int, values: Tensor, width: int, first: int = 0) -> None:
        """Write integers ``[images, row_blocks * P, channels]``."""
        images, rows, channels = values.shape
        blocks = rows // self.side
        lanes = _bytes(values, width).reshape(images, blocks, self.side, channels, width).permute(0, 1, 3, 4, 2)
        self.put(self.token_places(address, step, blocks, channels, width, first), lanes)

    # -- channel-lane ----------------------------------------------------------------------------------------------
    def row_places(self, address: int, step: int, tokens: int, tiles: int, width: int) -> Tensor:
        """Places ``[tokens, tiles, width]`` of tiles of tokens; the first tile is in the first bank."""
        tile = torch.arange(tiles)
        of_tile = self.turns.part(tile) * self.words + self.turns.place(tile) * step
        of_token = torch.arange(tokens).reshape(-1, 1, 1) + torch.arange(width) * (step // width)
        places: Tensor = address + of_tile.reshape(1, -1, 1) + of_token
        return places

    def read_rows(self, address: int, step: int, tokens: int, channels: int, width: int = 1) -> Tensor:
        """Integers ``[images, tokens, channels]``, int8 or int16 as ``width`` says."""
        tiles = ceil_div(channels, self.side)
        # Words of tokens, tiles and bytes; the lane becomes a channel.
        numbers = _numbers(self.fetch(self.row_places(address, step, tokens, tiles, width)).transpose(-1, -2))
        return numbers.reshape(numbers.shape[0], tokens, tiles * self.side)[..., :channels]

    def write_rows(self, address: int, step: int, values: Tensor, width: int) -> None:
        """Write integers ``[images, tokens, channels]``; the last tile is filled up with zeros."""
        images, tokens, channels = values.shape
        tiles = ceil_div(channels, self.side)
        split = torch.nn.functional.pad(_bytes(values, width), (0, 0, 0, tiles * self.side - channels))
        lanes = split.reshape(images, tokens, tiles, self.side, width).transpose(-1, -2)
        self.put(self.row_places(address, step, tokens, tiles, width), lanes)


@dataclass(frozen=True)
class Kept:
    """Numbers that were read, by what was read, and the first and the last word of a bank that they stand in."""

    key: tuple[int, ...]
    low: int
    high: int
    numbers: Tensor

    def touched(self, words: Tensor) -> bool:
        """Whether one of some words of a bank may be among them."""
        lowest, highest = words.aminmax()
        return bool(lowest <= self.high) and bool(highest >= self.low)


@lru_cache(maxsize=4096)
def _channel_words(first: int, channels: int, turns: Turns, words: int) -> Tensor:
    """Place of each channel, relative to the address of the first: bank and word."""
    at = torch.arange(first, first + channels)
    places: Tensor = turns.part_of_channel(at) * words + turns.word(at) - turns.word(first)
    return places


def _numbers(split: Tensor) -> Tensor:
    """Numbers from their bytes along the last axis, low byte first; the axis goes."""
    return split.contiguous().view(_TYPES[split.shape[-1]]).squeeze(-1)


def _bytes(numbers: Tensor, width: int) -> Tensor:
    """Bytes of numbers that fit so many, low byte first along a new last axis; int8."""
    return numbers.to(_TYPES[width]).contiguous().unsqueeze(-1).view(torch.int8)


_TYPES = {1: torch.int8, 2: torch.int16}
"""What numbers of so many bytes are."""


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

    Attributes
    ----------
    moments
        Of rows that drained, the sum and the sum of squares of each lane: int64 ``[images, moment_blocks, P, 2]``.
    """

    def __init__(self, arch: Arch, dram: Dram, images: int) -> None:
        side, count = arch.array.side, arch.array.count
        buffers = arch.buffers
        self.arch, self.dram, self.images = arch, dram, images
        self.activation = Banks(images, count, activation_words(arch), side)
        self.weight = Banks(1, count, buffers.weight_bytes // (side * count), side)
        self.parameter = torch.zeros(buffers.parameter_bytes // PARAMETER_BYTES, PARAMETER_BYTES, dtype=torch.uint8)
        self.tables: list[Tensor] = [torch.zeros(0, dtype=torch.int8) for _ in range(TABLE_SLOTS)]
        self.moments = torch.zeros((images, buffers.moment_blocks, side, MOMENTS), dtype=torch.int64)
        self.loads = 0
        self.loaded_at: dict[int, int] = {}
        """Which load filled the weight ring at an address, counted from the first."""

    def banks(self, buffer: str) -> Banks:
        """The buffer of words by name."""
        return self.weight if buffer == "weight" else self.activation
