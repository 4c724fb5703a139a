"""Tiles for the array, as its traffic makes them."""

from __future__ import annotations

from vitaccel_sim.traffic.array import Tile, extreme_tiles, random_tile, words_in, words_out

__all__ = ["Tile", "extreme_tiles", "random_tile", "words_in", "words_out"]
