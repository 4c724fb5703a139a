"""A scoreboard stops at the first difference and at a word too many."""

from __future__ import annotations

import pytest

from vitaccel_sim.bench.scoreboard import Scoreboard


def test_equal_words_complete_it() -> None:
    board = Scoreboard([1, 2])
    board.put(1)
    assert not board.is_complete
    board.put(2)
    assert board.is_complete


def test_the_first_difference_is_told() -> None:
    board = Scoreboard([1, 20])
    board.put(1)
    with pytest.raises(AssertionError, match=r"^word 1 of 2 must be 0x14, not 0x15$"):
        board.put(21)


def test_a_word_too_many_is_told() -> None:
    board = Scoreboard([], show=str)
    with pytest.raises(AssertionError, match=r"^0 words are expected, but another one came: 7$"):
        board.put(7)
