"""Sums of tiles, and what leaves: results with their place, and logits, each requantized as the reference does."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from tests.rtl.accelerator.part_bench import watch
from vitaccel.reference.requantize import ChannelRequantize
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.epilogue import Epilogue
from vitaccel_rtl.accelerator.pace import SELECT
from vitaccel_rtl.accelerator.row_moments import moments_port

SIDE = 4
LOGITS_AT = SELECT + latency.REQUANTIZE
RESULTS_AT = LOGITS_AT + latency.ACTIVATION

Factors = dict[str, int]


def random_set(rng: random.Random) -> Factors:
    return {
        "offset": rng.randint(-(1 << 18), 1 << 18),
        "multiplier": rng.randint(-(1 << 17), (1 << 17) - 1),
        "shift": rng.randint(18, 24),
    }


@dataclass
class Tile:
    """Sums ``[word, lane]`` and how they drain."""

    drain: dict[str, int]
    sums: np.ndarray
    residual: np.ndarray
    factors: list[list[Factors]]
    """Of each word and lane."""
    expected: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        wide = self.drain.get("is_logits") or (self.drain.get("is_wide") and not self.drain.get("has_table"))
        added = self.residual if self.drain.get("has_residual") else np.zeros_like(self.residual)
        self.expected = np.array(
            [
                [
                    requantized(int(self.sums[w, c]), self.factors[w][c], 16 if wide else 8, int(added[w, c]))
                    for c in range(SIDE)
                ]
                for w in range(SIDE)
            ]
        )


def requantized(acc: int, factor: Factors, bits: int, residual: int) -> int:
    one = {name: torch.tensor([factor[name]]) for name in ("multiplier", "shift", "offset")}
    spec = ChannelRequantize(one["multiplier"], one["shift"], one["offset"], bits)
    return int(spec.compute(torch.tensor([[acc]]), torch.tensor([[residual]]))[0, 0])


KINDS: dict[str, dict[str, int]] = {
    "columns": {},
    "columns, wide, with a residual": {"is_wide": 1, "has_residual": 1},
    "columns, wide, with moments": {"is_wide": 1, "takes_moments": 1},
    "columns, with a residual and moments": {"is_wide": 1, "has_residual": 1, "takes_moments": 1, "begins_moments": 1},
    "rows": {"by_rows": 1},
    "rows, table": {"by_rows": 1, "has_table": 1, "table": 1, "is_wide": 1},
    "logits": {"is_logits": 1, "has_one_set": 1, "ends_row": 1},
    "kept, transposed": {"has_one_set": 1, "ends_row": 1},
    "values": {"is_values": 1, "slot": 1},
    "values by rows": {"is_values": 1, "by_rows": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_tile_is_requantized_with_the_sets_of_its_own(kind: str, seed: int) -> None:
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    sets, of_logits = [random_set(rng) for _ in range(SIDE)], random_set(rng)
    factors = [[random_set(rng) | {"offset": 0} for _ in range(SIDE)] for _ in range(2)]
    table = [rng.randint(-(1 << 15), (1 << 15) - 1) for _ in range(512)]
    drives: list[dict[str, Any]] = [
        {"table_write": 1, "table_address": at, "table_entry": entry} for at, entry in enumerate(table)
    ]
    held = {
        "sets": sets,
        "one_set": of_logits,
        "factors": [[{n: f[n] for n in ("multiplier", "shift")} for f in slot] for slot in factors],
    }
    words = 3
    tiles: list[tuple[int, Tile]] = []
    for number in range(3):
        drain = KINDS[kind] | {"out": 100 * number + 7, "plane": 40, "words": words}
        drain |= {"moments": rng.getrandbits(16), "moments_channels": rng.getrandbits(16)}
        tile = Tile(
            drain,
            generator.integers(-(1 << 20), 1 << 20, (SIDE, SIDE)),
            generator.integers(-(1 << 15), 1 << 15, (SIDE, SIDE)),
            [[chosen(drain, sets, of_logits, factors, w, c) for c in range(SIDE)] for w in range(SIDE)],
        )
        tiles.append((len(drives), tile))
        for word in range(SIDE):
            drives.append(
                held | {"drain": drain, "valid": 1, "lanes": tile.sums[word].tolist(), "last": word == SIDE - 1}
            )
            before = tiles[-1][1] if word else tiles[-2][1] if number else None
            if before is not None:
                drives[-1]["residual"] = before.residual[(word or SIDE) - 1].tolist()
    drives.append(held | {"residual": tiles[-1][1].residual[-1].tolist()})
    drives += [held] * (RESULTS_AT + 2)
    probes = ["result_start", "result_address", "result_high", "result_words", "result_is_wide", "result",
              "logits_valid", "logits_address", "logits_end_row", "logits", "residual_taken"]  # fmt: skip
    moments = [f"moments.{name}" for name in moments_port(SIDE).members]
    seen_of_moments = watch(Epilogue(side=SIDE, takes_moments=True), drives, [*moments, *probes])
    seen = [row[len(moments) :] for row in seen_of_moments]
    check_moments(tiles, [dict(zip(moments, row, strict=False)) for row in seen_of_moments])
    is_logits = bool(KINDS[kind].get("is_logits"))
    for begin, tile in tiles:
        at = begin + (LOGITS_AT if is_logits else RESULTS_AT)
        for word in range(SIDE):
            start, address, high, count, is_wide, result, valid, logits_at, ends, logits, _ = seen[at + word]
            if is_logits:
                assert valid == (word < words)
                assert not start
                if valid:
                    assert (logits_at, ends) == (tile.drain["out"] + word, word == words - 1)
                    assert [*logits] == tile.expected[word].tolist()
                continue
            assert start == (word == 0)
            if start:
                wide = tile.drain.get("is_wide", 0)
                assert (address, high, count, is_wide) == (tile.drain["out"], tile.drain["out"] + 40, words, wide)
            codes = tile.expected[word].tolist()
            assert [*result] == ([table[256 + code + 128] for code in codes] if tile.drain.get("has_table") else codes)
    taken = sum(each[-1] for each in seen)
    assert taken == (3 * SIDE if KINDS[kind].get("has_residual") else 0)
    assert any(each[6] for each in seen) == is_logits


def check_moments(tiles: list[tuple[int, Tile]], seen: list[dict[str, Any]]) -> None:
    """Results of 16 bits leave where they are there, before any table, if their moments are taken; else none do."""
    takes = [(begin, tile) for begin, tile in tiles if tile.drain.get("takes_moments")]
    assert sum(row["moments.valid"] for row in seen) == SIDE * len(takes)
    for begin, tile in takes:
        for word in range(SIDE):
            row = {name.removeprefix("moments."): value for name, value in seen[begin + LOGITS_AT + word].items()}
            assert [*row.pop("lanes")] == tile.expected[word].tolist()
            assert row == {
                "valid": 1,
                "starts": word == 0,
                "last": word == SIDE - 1,
                "number": word,
                "block": tile.drain["moments"],
                "begins": tile.drain.get("begins_moments", 0),
                "channels": tile.drain["moments_channels"],
            }


def chosen(
    drain: dict[str, int], sets: list[Factors], of_logits: Factors, factors: list[list[Factors]], word: int, lane: int
) -> Factors:
    """Return what an element is multiplied with: sets belong to columns, factors to rows."""
    by_rows = drain.get("by_rows", 0)
    if drain.get("has_one_set"):
        return of_logits | {"offset": 0}
    if drain.get("is_values"):
        return factors[drain.get("slot", 0)][word if by_rows else lane]
    return sets[lane if by_rows else word]
