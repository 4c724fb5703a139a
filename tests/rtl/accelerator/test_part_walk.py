# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Chunk by chunk through row-blocks, and from tile to tile: every address is that of the layout."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.accelerator.part_bench import watch
from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel_rtl.accelerator.isa import STEP, WORD_ADDRESS
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.verilog import to_verilog

WORDS = 200


class Walker(wiring.Component):
    """Addresses that go on, chunk by chunk, or tile by tile, from one that is loaded."""

    def __init__(self, *, count: int, side: int, chunk: int, words: int = WORDS) -> None:
        self.walk = PartWalk(parts=Parts(count=count, words=words), side=side, chunk=chunk)
        self.chunk = chunk
        ports = {"loads": In(1), "first": In(WORD_ADDRESS), "step": In(STEP), "stays": In(1), "back": In(STEP)}
        super().__init__({**ports, "chunk_at": Out(WORD_ADDRESS), "tile_at": Out(WORD_ADDRESS)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        position = Signal(range(self.walk.positions))
        tile = Signal(range(self.walk.turn_tiles))
        m.d.sync += [
            self.chunk_at.eq(self.walk.behind(self.chunk_at, position, self.chunk)),
            position.eq(self.walk.position_behind(position)),
            self.tile_at.eq(self.walk.next_tile(self.tile_at, self.step, tile, goes_on=~self.stays, back=self.back)),
            tile.eq(tile + ~self.stays),
        ]
        with m.If(self.loads):
            m.d.sync += [self.chunk_at.eq(self.first), self.tile_at.eq(self.first), position.eq(0), tile.eq(0)]
        return m


def seen(walker: Walker, first: int, step: int, cycles: int, stays: bool = False) -> list[tuple[int, int]]:
    """Addresses of so many chunks and tiles; where it *stays*, every tile has two places, the step apart."""
    drives = [{"loads": 1, "first": first}]
    back = step if stays else 0
    drives += [{"step": step, "stays": stays and not place % 2, "back": back} for place in range(cycles)]
    return watch(walker, drives, ["chunk_at", "tile_at"])[1:]


@pytest.mark.parametrize("chunk", [1, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("side", [4, 5, 8, 12, 16, 24])
def test_chunks_and_tiles_are_where_the_layout_has_them(count: int, side: int, chunk: int, seed: int) -> None:
    rng = random.Random(seed)
    places, walker = PartPlaces(Parts(count=count, words=WORDS), side), Walker(count=count, side=side, chunk=chunk)
    for _ in range(2):
        first, step = rng.randrange(5) * 8, rng.randrange(1, 4) * 8
        turn = places.turn
        most = count * ((WORDS - first) // turn * turn) // chunk
        tiles = (WORDS - first) // step // (turn // side) * (turn // side) * count
        found = seen(walker, first, step, max(most, tiles))
        assert [at for at, _ in found[:most]] == [places.of_word(first, word * chunk) for word in range(most)]
        assert [at for _, at in found[:tiles]] == [places.of_token(first, step, tile, 0) for tile in range(tiles)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("side", [6, 8, 12])
def test_what_has_two_planes_goes_on_after_the_second(side: int, count: int, seed: int) -> None:
    rng, places = random.Random(seed), PartPlaces(Parts(count=count, words=2 * WORDS), side)
    first, step, tiles = 8 * rng.randrange(4), 8 * rng.randrange(1, 4), 2 * count * places.turn // side
    found = seen(Walker(count=count, side=side, chunk=8, words=2 * WORDS), first, step, 2 * tiles, stays=True)
    expected = [places.of_token(first, 2 * step, tile, plane * step) for tile in range(tiles) for plane in range(2)]
    assert [at for _, at in found] == expected


def test_a_walk_through_one_part_tells_no_tiles_apart() -> None:
    """There is no counter, and no comparison."""
    for chunk, side in ((8, 13), (1, 8)):
        assert PartWalk(parts=Parts(words=WORDS), side=side, chunk=chunk).positions == 1
    assert "position" not in to_verilog(Walker(count=1, side=8, chunk=8)).text
    assert "position" in to_verilog(Walker(count=2, side=16, chunk=8)).text
