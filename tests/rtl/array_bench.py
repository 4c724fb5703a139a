"""Random products for the array, as words of its input and of its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vitaccel.reference.matmul import accumulate

EXTREMES = (-128, -127, -1, 0, 1, 127)


@dataclass(frozen=True)
class Tile:
    """A [P, K] of int8, or of 0..255 when unsigned, and B [K, P] of int8."""

    a: torch.Tensor
    b: torch.Tensor
    unsigned: bool = False
    by_rows: bool = False

    @property
    def words_in(self) -> list[dict[str, object]]:
        depth = self.b.shape[0]
        codes = torch.where(self.a > 127, self.a - 256, self.a)
        return [
            {
                "a": codes[:, k].tolist(),
                "b": self.b[k].tolist(),
                "unsigned": int(self.unsigned),
                "by_rows": int(self.by_rows),
                "last": int(k == depth - 1),
            }
            for k in range(depth)
        ]

    @property
    def words_out(self) -> list[dict[str, object]]:
        sums = accumulate(self.a, self.b)
        drained = sums if self.by_rows else sums.T
        return [{"lanes": lanes, "last": int(j == len(drained) - 1)} for j, lanes in enumerate(drained.tolist())]


def random_tile(generator: torch.Generator, side: int, depth: int) -> Tile:
    """A tile of random codes, extremes and zeros, signed or not, drained either way."""
    unsigned, by_rows = (bool(torch.randint(2, (), generator=generator)) for _ in range(2))
    a = _codes(generator, (side, depth))
    return Tile(a % 256 if unsigned else a, _codes(generator, (depth, side)), unsigned, by_rows)


def extreme_tiles(side: int, depth: int) -> list[Tile]:
    """The largest products of either sign, in every element, drained both ways."""
    return [
        Tile(torch.full((side, depth), a), torch.full((depth, side), b), unsigned, by_rows)
        for a, b, unsigned in [
            (-128, -128, False),
            (-128, 127, False),
            (127, 127, False),
            (255, -128, True),
            (255, 127, True),
        ]
        for by_rows in (False, True)
    ]


def words_in(tiles: Sequence[Tile]) -> list[dict[str, object]]:
    return [word for tile in tiles for word in tile.words_in]


def words_out(tiles: Sequence[Tile]) -> list[dict[str, object]]:
    return [word for tile in tiles for word in tile.words_out]


def _codes(generator: torch.Generator, shape: tuple[int, int]) -> torch.Tensor:
    uniform = torch.randint(-128, 128, shape, generator=generator)
    extreme = torch.tensor(EXTREMES)[torch.randint(len(EXTREMES), shape, generator=generator)]
    return torch.where(torch.rand(shape, generator=generator) < 0.3, extreme, uniform)
