"""A stage that makes pieces of words: all of them in order, one a cycle, and the next word with the last piece."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.lib import data

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, run
from vitaccel_rtl.split import Split

WORD = data.StructLayout({"count": 4})
PIECE = data.StructLayout({"left": 4})


class CountsDown(Split):
    """Of a number, itself and all smaller ones down to 1."""

    def __init__(self) -> None:
        super().__init__(i=WORD, o=PIECE, state=PIECE)

    def taken(self, m: Any, word: Any) -> dict[str, Any]:
        return {"left": word.count}

    def piece(self, m: Any, state: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
        return {"left": state.left}, state.left == 1, {"left": state.left - 1}


def pieces(counts: list[int]) -> list[dict[str, int]]:
    return [{"left": left} for count in counts for left in range(count, 0, -1)]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_piece_in_order(profile: Profile, seed: int) -> None:
    counts = [random.Random(seed).choice((1, 1, 2, 15)) for _ in range(30)]
    expected = pieces(counts)
    assert run(CountsDown(), [{"count": count} for count in counts], len(expected), profile, seed).words == expected


def test_a_piece_a_cycle_and_no_gap_between_words() -> None:
    counts = [1, 1, 3, 1, 2]
    result = run(CountsDown(), [{"count": count} for count in counts], sum(counts), FULL_SPEED)
    assert result.offered == list(range(result.accepted[0] + 1, result.accepted[0] + 1 + sum(counts)))
