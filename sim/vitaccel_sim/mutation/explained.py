"""The reviewed list of mutations that no bench can see, with a sentence each: ``equivalent.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vitaccel_sim.mutation.place import Mutation

LIST = Path(__file__).with_name("equivalent.txt")


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Mutations that change nothing that can be seen.

    Parameters
    ----------
    block, place
        Regular expressions of a block's whole name and of a whole :attr:`Mutation.place`.
    reason
        A sentence.
    """

    block: str
    place: str
    reason: str

    def explains(self, block: str, mutation: Mutation) -> bool:
        """Whether this mutation of this block is one of them."""
        return bool(re.fullmatch(self.block, block) and re.fullmatch(self.place, mutation.place))


def explanations(text: str | None = None) -> tuple[Explanation, ...]:
    """Return the list, or that of a text: ``block | place | reason`` a line, and lines of comments.

    Raises
    ------
    ValueError
        If a line has no three parts.
    """
    lines = (LIST.read_text() if text is None else text).splitlines()
    found = []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"a line of the list must be block | place | reason, not {line!r}")
        found.append(Explanation(block=parts[0], place=parts[1], reason=parts[2]))
    return tuple(found)


def explained(block: str, mutation: Mutation, listed: tuple[Explanation, ...]) -> str:
    """Return why a mutation cannot be seen; empty if the list does not say."""
    return next((entry.reason for entry in listed if entry.explains(block, mutation)), "")
