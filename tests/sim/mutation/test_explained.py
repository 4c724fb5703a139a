"""The reviewed list explains what it names, and nothing that a bench sees."""

from __future__ import annotations

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


def test_every_entry_is_a_sentence() -> None:
    assert LISTED
    assert all(entry.reason[0].isupper() and entry.reason[-1] == "." for entry in LISTED)
