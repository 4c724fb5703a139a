"""The reviewed list explains what it names, and nothing that a bench sees."""

from __future__ import annotations

import pytest

from vitaccel_sim.mutation.blocks import PLACES
from vitaccel_sim.mutation.explained import explained, explanations
from vitaccel_sim.mutation.place import Mutation

LISTED = explanations()


def reset_of(name: str) -> Mutation:
    return Mutation(number=1, mode="const0", cell=name, port="SRST", bit=0, other=-1, signal="")


def test_a_reset_of_a_last_flag_is_explained_and_that_of_a_valid_is_not() -> None:
    assert "last" not in PLACES
    assert explained("requantize", reset_of("last_3$sdffe"), LISTED).startswith("The flag is read only beside")
    assert explained("requantize", reset_of("valid_3$sdffe"), LISTED) == ""


def test_an_entry_is_of_its_block_only() -> None:
    listed = explanations("gelu | last_1.*SRST.* | It is so.\n# a comment\n\n")
    assert explained("gelu", reset_of("last_1$sdffe"), listed) == "It is so."
    assert explained("topk", reset_of("last_1$sdffe"), listed) == ""


def test_every_entry_is_a_sentence() -> None:
    assert LISTED
    assert all(entry.reason[0].isupper() and entry.reason[-1] == "." for entry in LISTED)


def test_a_line_without_three_parts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a line of the list must be block \| place \| reason, not 'gelu \| x'$"):
        explanations("gelu | x")
