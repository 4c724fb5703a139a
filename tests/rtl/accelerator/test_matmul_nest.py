"""The tiles of a matmul: their order, and what goes along with each."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.isa import MATMUL
from vitaccel_rtl.accelerator.matmul_nest import MatMulNest

ADDRESSES, COUNTS = 1 << 20, 1 << 16
WAIT = 2
"""Cycles from a step to the next tile."""


MOMENTS = ("takes_moments", "begins_moments", "moments", "moments_channels")
"""What a tile says of its rows' moments."""


def random_fields(rng: random.Random) -> dict[str, int]:
    """Every field of a matmul at random, but for what is not the engine's to read."""
    own = {placed.field.name: placed.field.bits for placed in MATMUL.places}
    fields = {name: rng.getrandbits(bits) for name, bits in own.items() if name not in ("operation",)}
    return {name: value for name, value in fields.items() if not name.startswith("wait_")}


def tiles_of(f: dict[str, int], side: int, arrays: int) -> list[dict[str, int]]:
    """What each tile must be, in order."""
    made, turn = [], math.lcm(side, 8)
    for n in range(f["n_tiles"]):
        cycle, word = divmod(n * side, turn)
        column = cycle * turn * arrays + word
        for r in range(f["row_blocks"]):
            ends = r == f["row_blocks"] - 1
            made.append(
                {
                    "a": f["a"] + r * f["a_step"],
                    "b": f["b"] + n * f["b_step"],
                    "out": f["out"] + n * f["out_tile_step"] + r * f["out_step"],
                    "residual": f["residual"] + n * f["residual_tile_step"] + r * f["residual_step"],
                    "sets": f["sets"] + column,
                    "words": f["last_rows"] % 64 if f["by_rows"] and ends else side,
                    "takes_sets": r == 0,
                    "sets_count": side if r == 0 and f["b_is_activation"] else 0,
                    "weight_sets": r == 0 and not f["b_is_activation"],
                    "interval": f["first_interval" if r == 0 else "interval"],
                    "is_last": ends and n == f["n_tiles"] - 1,
                    "takes_moments": f["takes_moments"],
                    "begins_moments": f["begins_moments"] if n == 0 else 0,
                    "moments": (f["moments"] + r) % COUNTS,
                    "moments_channels": max(f["moments_channels"] - column, 0),
                }
            )
    return made


def found_in(tile: Any, interval: int, is_last: int) -> dict[str, int]:
    operands, drain = tile.operands, tile.drain
    return {
        "a": operands.a, "b": operands.b, "out": drain.out, "residual": tile.residual, "sets": tile.sets,
        "words": drain.words, "takes_sets": drain.takes_sets, "sets_count": tile.sets_count,
        "weight_sets": tile.weight_sets, "interval": interval, "is_last": is_last,
        **{name: getattr(drain, name) for name in MOMENTS},
    }  # fmt: skip


@pytest.mark.parametrize(("n_tiles", "row_blocks"), [(1, 1), (3, 2), (2, 5), (19, 1)])
@pytest.mark.parametrize("flags", [{"by_rows": 0, "b_is_activation": 0}, {"by_rows": 1, "b_is_activation": 1}])
@pytest.mark.parametrize(
    ("side", "arrays", "takes_moments"), [(4, 1, False), (5, 3, True), (8, 2, True), (12, 2, True)]
)
def test_row_blocks_are_within_tiles_of_columns(
    n_tiles: int, row_blocks: int, flags: dict[str, int], side: int, arrays: int, takes_moments: bool, seed: int
) -> None:
    """Of their results, as many count for moments as are left of all columns: in the last tiles there may be none."""
    rng = random.Random(seed)
    drives: list[dict[str, Any]] = []
    checks: list[tuple[int, dict[str, int], dict[str, int]]] = []
    for _ in range(2):  # the second begins where the first has ended
        fields = random_fields(rng) | flags | {"n_tiles": n_tiles, "row_blocks": row_blocks, "last_rows": 3}
        fields["moments_channels"] = rng.choice((rng.randint(1, n_tiles * side * arrays), fields["moments_channels"]))
        drives.append({"start": 1, "instruction": fields})
        for tile in tiles_of(fields, side, arrays):
            drives += [{}] * (WAIT + rng.randrange(3))
            checks.append((len(drives), fields, tile))
            drives.append({"step": 1})
    nest = MatMulNest(side=side, arrays=arrays, takes_moments=takes_moments)
    seen = watch(nest, drives, ["tile", "interval", "is_last", "result"])
    for cycle, fields, expected in checks:
        tile, interval, is_last, result = seen[cycle]
        found = found_in(tile, interval, is_last)
        for name in ("a", "b", "out", "residual", "sets"):
            expected[name] %= ADDRESSES
        if not takes_moments:
            expected |= dict.fromkeys(MOMENTS, 0)
        assert found == expected
        assert result == fields["result"]
        assert tile.operands.depth == fields["depth"]
        assert tile.residual_plane == fields["residual_plane"]
        for name in ("is_wide", "has_residual", "has_table", "table", "by_rows"):
            assert getattr(tile.drain, name) == fields[name]
