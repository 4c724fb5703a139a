"""Lists of places with reasons: an entry is of its block only, and has three parts."""

from __future__ import annotations

import pytest

from vitaccel_sim.explanations import read_explanations, reason_of


def test_an_entry_is_of_its_block_and_of_whole_places_only() -> None:
    listed = read_explanations("gelu|topk | last_1.*SRST | It is so.\n# a comment\n\n")
    assert reason_of("gelu", "last_1$sdffe.SRST", listed) == "It is so."
    assert reason_of("topk", "last_1$sdffe.SRST", listed) == "It is so."
    assert reason_of("rsqrt", "last_1$sdffe.SRST", listed) == ""
    assert reason_of("gelu", "last_1$sdffe.SRST[0]", listed) == ""


def test_the_first_entry_that_names_a_place_says_why() -> None:
    listed = read_explanations("gelu | a | First.\n.* | .* | Second.")
    assert [reason_of("gelu", place, listed) for place in "ab"] == ["First.", "Second."]


def test_a_line_without_three_parts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a line of the list must be block \| place \| reason, not 'gelu \| x'$"):
        read_explanations("gelu | x")
