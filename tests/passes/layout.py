"""Where the words of a tensor stand, counted out without the compiler's own formulas."""

from __future__ import annotations

import math

import numpy as np

from vitaccel.ir.plan import TOKEN, Tensor

EXPERT_STEP = 1 << 48
TENSOR_STEP = 1 << 32
MOST_CHANNELS = 1 << 16


class Layout:
    """Where the words of a tensor stand, counted out channel by channel and token by token."""

    def __init__(self, tensor: Tensor, index: int, side: int, count: int) -> None:
        self.tensor, self.index, self.side, self.count = tensor, index, side, count
        self.bytes = tensor.element_bytes
        self.blocks_per_frame = -(-tensor.tokens // side)
        self.blocks = tensor.frames * self.blocks_per_frame
        self.plane = _round_up(tiles_of_a_part(-(-tensor.channels // side), side, count) * side)
        self.block_words = self.plane * self.bytes
        self.tokens = tensor.frames * tensor.tokens
        self.tile_plane = _round_up(self.tokens)
        self.tile_words = self.tile_plane * self.bytes

    def _channels(self, begin: int, end: int) -> np.ndarray:
        at, turn = np.arange(begin, end), math.lcm(self.side, 8)
        return np.unique(at // turn // self.count * turn + at % turn)

    def _planes(self, words: np.ndarray, plane: int) -> np.ndarray:
        """The words of the low bytes and, if there are any, those of the high bytes behind them."""
        return (words[:, None] + np.arange(self.bytes) * plane).ravel()

    def named(self, words: np.ndarray, expert: int = 0) -> np.ndarray:
        return words + self.index * TENSOR_STEP + expert * EXPERT_STEP

    def rows(self, first: int, count: int, begin: int, end: int, expert: int = 0) -> np.ndarray:
        """Names of channels ``begin`` to ``end`` of row-blocks (token-lane)."""
        blocks = np.arange(first, first + count) * self.block_words
        return self.named(self._planes((blocks[:, None] + self._channels(begin, end)).ravel(), self.plane), expert)

    def rows_at(self, address: int, step: int, count: int, begin: int, end: int) -> np.ndarray:
        """Words that hold them when ``begin`` is at ``address`` and row-blocks are ``step`` apart."""
        words = self._channels(begin, end)
        found = ((address + np.arange(count) * step)[:, None] + words - words[0]).ravel()
        return self._planes(found, step // self.bytes)

    def columns(self, tokens: np.ndarray, begin: int, end: int) -> np.ndarray:
        """Names of channels ``begin`` to ``end`` of tokens (channel-lane)."""
        return self.named(self._grid(self._tiles(begin, end) * self.tile_words, tokens, self.tile_plane))

    def columns_at(self, address: int, step: int, tokens: np.ndarray, begin: int, end: int) -> np.ndarray:
        """Words that hold them when the first token of the first tile is at ``address``."""
        tiles = self._tiles(begin, end)
        return self._grid(address + (tiles - tiles[0]) * step, tokens - tokens[0], step // self.bytes)

    def _tiles(self, begin: int, end: int) -> np.ndarray:
        return np.unique(self._channels(begin, end) // self.side)

    def _grid(self, starts: np.ndarray, tokens: np.ndarray, plane: int) -> np.ndarray:
        return self._planes((starts[:, None] + tokens).ravel(), plane)

    def part(self, first: int, count: int, begin: int, end: int) -> np.ndarray:
        """Names of channels of row-blocks, in whatever layout."""
        if self.tensor.layout == TOKEN:
            return self.rows(first, count, begin, end)
        return self.columns(self.tokens_of(first, count), begin, end)

    def part_at(self, address: int, step: int, rows: tuple[int, int], begin: int, end: int) -> np.ndarray:
        """Words that hold them when the first of them is at ``address``; ``step`` to the next row-block or tile."""
        if self.tensor.layout == TOKEN:
            return self.rows_at(address, step, rows[1], begin, end)
        return self.columns_at(address, step, self.tokens_of(*rows), begin, end)

    def moments(self, first: int, count: int, channels: int) -> np.ndarray:
        """Names of the moments of so many channels of row-blocks."""
        return self.named(np.arange(first, first + count) * MOST_CHANNELS + channels)

    def own_step(self) -> int:
        """Step of the tensor when it stands there whole."""
        return self.block_words if self.tensor.layout == TOKEN else self.tile_words

    def tokens_of(self, first: int, count: int) -> np.ndarray:
        """Tokens, counted over all frames, of a run of row-blocks."""
        found: list[int] = []
        for block in range(first, first + count):
            frame, inner = divmod(block, self.blocks_per_frame)
            stop = min((inner + 1) * self.side, self.tensor.tokens)
            found += [frame * self.tensor.tokens + token for token in range(inner * self.side, stop)]
        return np.array(found)


def own_tile(tile: int, side: int, count: int) -> int:
    """Tiles before one in its part: parts take turns, each of as many tiles as fill whole frames of eight words."""
    tiles = math.lcm(side, 8) // side
    return tile // (tiles * count) * tiles + tile % tiles


def tiles_of_a_part(tiles: int, side: int, count: int) -> int:
    """Tiles of the part that has most of so many."""
    return max((own_tile(tile, side, count) + 1 for tile in range(tiles)), default=0)


def _round_up(words: int) -> int:
    """Where the next thing may begin: at a multiple of eight words."""
    return -(-words // 8) * 8
