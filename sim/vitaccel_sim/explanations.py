"""Reviewed lists of what no bench can see, with a sentence each: ``block | place | why`` a line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why some places of some blocks are not seen.

    Parameters
    ----------
    block, place
        Regular expressions of a block's whole name and of a whole place in it.
    reason
        A sentence.
    """

    block: str
    place: str
    reason: str

    def explains(self, block: str, place: str) -> bool:
        """Whether this place of this block is one of them."""
        return bool(re.fullmatch(self.block, block) and re.fullmatch(self.place, place))


def read_explanations(text: str) -> tuple[Explanation, ...]:
    """Return the entries of a list; empty lines and those that begin with ``#`` are none.

    Raises
    ------
    ValueError
        If a line has no three parts.
    """
    found = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"a line of the list must be block | place | reason, not {line!r}")
        found.append(Explanation(block=parts[0], place=parts[1], reason=parts[2]))
    return tuple(found)


def reason_of(block: str, place: str, listed: Iterable[Explanation]) -> str:
    """Return why a place cannot be seen, as the first entry that names it says; empty if none does."""
    return next((entry.reason for entry in listed if entry.explains(block, place)), "")
