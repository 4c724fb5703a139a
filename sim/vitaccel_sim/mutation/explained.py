"""The reviewed list of mutations that no bench can see, with a sentence each: ``equivalent.txt``."""

from __future__ import annotations

from pathlib import Path

from vitaccel_sim.explanations import Explanation, read_explanations, reason_of
from vitaccel_sim.mutation.place import Mutation

LIST = Path(__file__).with_name("equivalent.txt")


def explanations() -> tuple[Explanation, ...]:
    """Return the list, of which a place is a :attr:`vitaccel_sim.mutation.place.Mutation.place`."""
    return read_explanations(LIST.read_text(encoding="utf-8"))


def explained(block: str, mutation: Mutation, listed: tuple[Explanation, ...]) -> str:
    """Return why a mutation cannot be seen; empty if the list does not say."""
    return reason_of(block, mutation.place, listed)
