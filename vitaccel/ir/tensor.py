"""Tensors of the Plan: where every number of a value stands, on chip and in DRAM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitaccel.arch import Arch
from vitaccel.ir.heads import places_of_heads
from vitaccel.ir.rows import ceil_div, valid_tokens
from vitaccel_rtl.accelerator.parts import Turns
from vitaccel_rtl.latency import SLOTS

TOKEN = "token"
"""Token-lane layout ``[token/P][byte][channel][P]``: a word is one channel of P tokens."""

CHANNEL = "channel"
"""Channel-lane layout ``[channel/P][byte][token][P]``: a word is one token's P channels, to contract over tokens."""


def aligned(words: int) -> int:
    """So many words up to the next multiple of :data:`vitaccel_rtl.latency.SLOTS`: what begins there waits least."""
    return ceil_div(words, SLOTS) * SLOTS


def turns(arch: Arch) -> Turns:
    """In which bank, one an array, tiles of P channels stand."""
    return Turns(arch.array.side, arch.array.count)


def plane_words(channels: int, arch: Arch) -> int:
    """Words in each bank (one bank an array) of one byte of some channels of P tokens, as they stand alone."""
    side = arch.array.side
    return aligned(turns(arch).most(ceil_div(channels, side)) * side)


def activation_words(arch: Arch) -> int:
    """Words of a bank of the activation buffer that tensors may take."""
    return arch.buffers.activation_bytes // (arch.array.count * arch.array.side) // SLOTS * SLOTS


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A value in one layout.

    An int16 tensor stands in two planes: in token-lane layout the low bytes of all channels of a row-block and behind
    them the high bytes, in channel-lane layout the low bytes of all tokens of a tile and behind them the high bytes.
    Every plane begins at a multiple of :data:`vitaccel_rtl.latency.SLOTS` words.

    Parameters
    ----------
    name
        Unique in the Plan.
    frames, tokens, channels
        Logical shape; every frame starts a new row-block.
    element_bytes
        1 (int8) or 2 (int16, logits).
    layout
        :data:`TOKEN` or :data:`CHANNEL`.
    kind
        ``activation``, ``constant``, ``input`` or ``output``: what its DRAM traffic is called, if it has any.
    home
        ``chip`` while it lives in the activation buffer, ``dram`` when kernels stage it in and out.
    heads, head_dim
        Heads of so many channels that stand as :func:`vitaccel.ir.heads.places_of_heads` says, with what fills them up
        among ``channels``; 0 if channels follow each other in their own order.
    """

    name: str
    frames: int
    tokens: int
    channels: int
    element_bytes: int
    layout: str = TOKEN
    kind: str = "activation"
    home: str = "chip"
    heads: int = 0
    head_dim: int = 0

    def places(self, arch: Arch) -> np.ndarray:
        """Where the channels of the value stand among ``channels``, ``[channels of the value]``."""
        if not self.heads:
            return np.arange(self.channels)
        return places_of_heads(self.heads, self.head_dim, arch.array.side, arch.array.count)

    def row_blocks(self, arch: Arch) -> int:
        """Groups of P tokens, over all frames."""
        return self.frames * ceil_div(self.tokens, arch.array.side)

    def words(self, arch: Arch) -> int:
        """P-byte words the tensor takes in each bank (one bank an array)."""
        if self.layout == TOKEN:
            return self.row_blocks(arch) * plane_words(self.channels, arch) * self.element_bytes
        return self._tiles_of_a_bank(arch) * self.tile_words()

    def _tiles_of_a_bank(self, arch: Arch) -> int:
        return turns(arch).most(ceil_div(self.channels, arch.array.side))

    def row_block_words(self, arch: Arch) -> int:
        """Words of one row-block in each bank (token-lane layout)."""
        return ceil_div(self.words(arch), max(1, self.row_blocks(arch)))

    def run_words(self, arch: Arch, first: int, count: int) -> int:
        """Words in each bank of a run of row-blocks that stands there alone."""
        if self.layout == TOKEN:
            return count * self.row_block_words(arch)
        tokens = valid_tokens(self.tokens, arch.array.side, first, count)
        return aligned(tokens) * self._tiles_of_a_bank(arch) * self.element_bytes

    def channel_words(self, arch: Arch, channel: int) -> int:
        """Words from a row-block's (or its plane's) first word to a channel's in a bank (token-lane layout)."""
        words: int = turns(arch).word(channel)
        return words

    def tile_words(self) -> int:
        """Words from one tile of P channels to the next in the same bank (channel-lane layout)."""
        return aligned(self.frames * self.tokens) * self.element_bytes

    def first_token(self, arch: Arch, row_block: int) -> int:
        """Tokens of all frames that stand before a row-block."""
        frame, block = divmod(row_block, ceil_div(self.tokens, arch.array.side))
        return frame * self.tokens + block * arch.array.side

    def dram_bytes(self, arch: Arch) -> int:
        """Bytes of the tensor as stored in DRAM: channels packed, tokens padded to whole words."""
        if self.layout == TOKEN:
            return self.row_blocks(arch) * arch.array.side * self.channels * self.element_bytes
        padded = ceil_div(self.channels, arch.array.side) * arch.array.side
        return self.frames * self.tokens * padded * self.element_bytes

    def __str__(self) -> str:
        shape = f"{self.frames}x{self.tokens}x{self.channels}"
        place = "" if self.home == "chip" else f" in {self.home}"
        return f"{self.name} : int{8 * self.element_bytes}[{shape}] {self.layout}-lane{place}"
