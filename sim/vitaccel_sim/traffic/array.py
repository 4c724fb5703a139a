"""Tiles for the array: random codes, extremes, both drains, digits of numerators, sums that wrap."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vitaccel.reference.matmul import accumulate, accumulate_unsigned
from vitaccel_sim.traffic.case import Case, Traffic, Word

EXTREMES = (-128, -127, -1, 0, 1, 127)
LARGEST = ((-128, -128, False), (-128, 127, False), (127, 127, False), (255, -128, True), (255, 127, True))
"""A, B and whether A is unsigned: the largest products of either sign."""

DIRECTED_DEPTH = 9
"""Words of a tile of the largest products: enough for their sum to wrap 17 bits."""

BINS = (
    "drained by columns",
    "drained by rows",
    "the drain changes from tile to tile",
    "signed",
    "unsigned",
    "a digit above 127",
    "a depth of one",
    "a depth below P",
    "a depth of P",
    "a depth above P",
    "-128 times -128",
    "255 times -128",
    "a sum below zero",
    "a sum above zero",
    "a sum wraps",
    "numerators digit by digit",
    "the largest numerator",
)


@dataclass(frozen=True)
class Tile:
    """A [P, K] of int8, or of 0..255 when unsigned, and B [K, P] of int8.

    With *digits* = 2 A holds 0..65535: the upper digits of all K words come first, then the lower ones.
    """

    a: torch.Tensor
    b: torch.Tensor
    unsigned: bool = False
    by_rows: bool = False
    digits: int = 1

    @property
    def depth(self) -> int:
        """Words of the tile: K for each digit."""
        return int(self.b.shape[0]) * self.digits

    @property
    def sums(self) -> torch.Tensor:
        """The exact product, int64 [P, P]."""
        if self.digits == 1:
            return accumulate(self.a, self.b).to(torch.int64)
        return accumulate_unsigned(self.a, self.b, 8 * self.digits)

    @property
    def words_in(self) -> list[dict[str, Any]]:
        """What the array takes."""
        digits = [self.a] if self.digits == 1 else [self.a >> 8, self.a & 255]
        a = torch.cat(digits, dim=1)
        codes = torch.where(a > 127, a - 256, a).T.tolist()
        b = self.b.tolist() * self.digits
        return [
            {
                "a": row,
                "b": column,
                "unsigned": int(self.unsigned),
                "by_rows": int(self.by_rows),
                "last": int(k == self.depth - 1),
            }
            for k, (row, column) in enumerate(zip(codes, b, strict=True))
        ]

    def digit_words(self) -> list[dict[str, Any]]:
        """Return what an array with digits takes: a word of the next digit makes the sum so far count 256 times."""
        first = self.depth // 2 if self.digits > 1 else -1
        return [{**word, "next_digit": int(k == first)} for k, word in enumerate(self.words_in)]

    def words_out(self, accumulator_bits: int = 32) -> list[Word]:
        """Return what the array offers; a sum that does not fit wraps."""
        spare = 64 - accumulator_bits
        sums = self.sums << spare >> spare
        drained = sums if self.by_rows else sums.T
        return [{"lanes": lanes, "last": int(j == len(drained) - 1)} for j, lanes in enumerate(drained.tolist())]


def random_tile(generator: torch.Generator, side: int, depth: int) -> Tile:
    """Return a tile of random codes, extremes and zeros, signed or not, drained either way."""
    unsigned, by_rows = (bool(torch.randint(2, (), generator=generator)) for _ in range(2))
    a = _codes(generator, (side, depth))
    return Tile(a % 256 if unsigned else a, _codes(generator, (depth, side)), unsigned, by_rows)


def extreme_tiles(side: int, depth: int) -> list[Tile]:
    """Return the largest products of either sign, in every element, drained both ways."""
    return [
        Tile(torch.full((side, depth), a), torch.full((depth, side), b), unsigned, by_rows)
        for a, b, unsigned in LARGEST
        for by_rows in (False, True)
    ]


def numerator_tile(generator: torch.Generator, side: int, depth: int, by_rows: bool) -> Tile:
    """Return a tile of random numerators of 16 bits, the largest one among them."""
    a = torch.randint(0, 1 << 16, (side, depth), generator=generator)
    a[-1, 0] = (1 << 16) - 1
    return Tile(a, _codes(generator, (depth, side)), unsigned=True, by_rows=by_rows, digits=2)


def words_in(tiles: Sequence[Tile]) -> list[dict[str, Any]]:
    """Return the words of the tiles, one after another."""
    return [word for tile in tiles for word in tile.words_in]


def words_out(tiles: Sequence[Tile], accumulator_bits: int = 32) -> list[Word]:
    """Return the results of the tiles, one after another."""
    return [word for tile in tiles for word in tile.words_out(accumulator_bits)]


def _codes(generator: torch.Generator, shape: tuple[int, int]) -> torch.Tensor:
    uniform = torch.randint(-128, 128, shape, generator=generator)
    extreme = torch.tensor(EXTREMES)[torch.randint(len(EXTREMES), shape, generator=generator)]
    return torch.where(torch.rand(shape, generator=generator) < 0.3, extreme, uniform)


def case(options: Mapping[str, int], tiles: Sequence[Tile]) -> Case:
    """Return the words of these tiles with their results."""
    side, bits = options["side"], options["accumulator_bits"]
    met: Counter[str] = Counter()
    for tile, before in zip(tiles, (None, *tiles), strict=False):
        sums = tile.sums
        met["drained by rows" if tile.by_rows else "drained by columns"] += 1
        met["the drain changes from tile to tile"] += before is not None and before.by_rows != tile.by_rows
        met["unsigned" if tile.unsigned else "signed"] += 1
        met["numerators digit by digit"] += tile.digits == 2
        met["the largest numerator"] += int((tile.a == (1 << 16) - 1).sum())
        met["a digit above 127"] += int((tile.a > 127).sum())
        met["a depth of one"] += tile.depth == 1
        met["a depth below P"] += tile.depth < side
        met["a depth of P"] += tile.depth == side
        met["a depth above P"] += tile.depth > side
        for a in (-128, 255):
            products = (tile.a == a).to(torch.int64) @ (tile.b == -128).to(torch.int64)
            met[f"{a} times -128"] += int(products.sum())
        met["a sum below zero"] += int((sums < 0).sum())
        met["a sum above zero"] += int((sums > 0).sum())
        met["a sum wraps"] += int((sums != (sums << 64 - bits) >> 64 - bits).sum())
    words = [word for tile in tiles for word in tile.digit_words()] if options["digits"] else words_in(tiles)
    return Case(words=words, expected=words_out(tiles, bits), hits=met, first_row=tiles[0].depth)


def _counting_tile(side: int, depth: int, by_rows: bool) -> Tile:
    """Return a tile in which every element of the result is another number: what is at another place is seen."""
    rows, steps = torch.arange(side), torch.arange(depth)
    a = (rows[:, None] * 7 + steps * 3 + 1) % 127
    b = (steps[:, None] * 5 + rows * 11 + 2) % 127 - 63
    return Tile(a, b, False, by_rows)


def _directed(options: Mapping[str, int]) -> Case:
    side = options["side"]
    depths = dict.fromkeys((1, side - 1, side, side + 1, 2 * side + 3))
    tiles = [_counting_tile(side, depth, by_rows) for depth in depths for by_rows in (False, True, True, False)]
    tiles += extreme_tiles(side, DIRECTED_DEPTH)
    if options["digits"]:
        largest = torch.full((side, 2), (1 << 16) - 1)
        tiles += [
            Tile(largest, torch.full((2, side), b), unsigned=True, by_rows=by_rows, digits=2)
            for b in (-128, 127)
            for by_rows in (False, True)
        ]
    return case(options, tiles)


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    side = options["side"]
    tiles = [
        numerator_tile(generator, side, depth, rng.random() < 0.5)
        if options["digits"] and rng.random() < 0.5
        else random_tile(generator, side, depth)
        for depth in lengths
    ]
    return case(options, tiles)


ARRAY = Traffic(
    block="array",
    points=(
        {"side": 4, "accumulator_bits": 32, "macs_per_multiplier": 1, "digits": 0},
        {"side": 2, "accumulator_bits": 17, "macs_per_multiplier": 2, "digits": 0},
        {"side": 3, "accumulator_bits": 48, "macs_per_multiplier": 2, "digits": 1},
        {"side": 5, "accumulator_bits": 18, "macs_per_multiplier": 1, "digits": 0},
        {"side": 4, "accumulator_bits": 35, "macs_per_multiplier": 1, "digits": 1},
        {"side": 8, "accumulator_bits": 32, "macs_per_multiplier": 2, "digits": 0},
    ),
    bins=BINS,
    directed=_directed,
    random=_random,
)
