"""What a row of a comparison is: a bound, somebody's published method, or ours; and when ours is no worse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

IDEAL = "ideal"
"""A bound that no hardware computes: float64, rounded once at most."""

PUBLISHED = "published"
"""Somebody's method."""

OURS = "ours"
"""What vitaccel computes."""


@dataclass(frozen=True)
class Candidate:
    """A method and what it loses, the smaller the better.

    Parameters
    ----------
    name
        As its table shows it.
    kind
        :data:`IDEAL`, :data:`PUBLISHED` or :data:`OURS`.
    bits
        Width of its output.
    errors
        Named measures; the same ones for all that are compared.
    """

    name: str
    kind: str
    bits: int
    errors: tuple[tuple[str, float], ...]

    def matches(self, other: Candidate) -> bool:
        """Whether no measure is larger than that of *other*."""
        return all(mine <= theirs for (_, mine), (_, theirs) in zip(self.errors, other.errors, strict=True))


@dataclass(frozen=True)
class Comparison:
    """Ours against one published method.

    Parameters
    ----------
    section, data
        The table, and what it was measured on.
    published
        The other's method.
    ours
        Those of ours at the width that it is compared with.
    bits
        That width: the widest of ours that is no wider than the other's, or our narrowest where all are wider.
    """

    section: str
    data: str
    published: Candidate
    ours: tuple[Candidate, ...]
    bits: int

    @property
    def winners(self) -> tuple[Candidate, ...]:
        """Those of ours that beat or match it in every measure."""
        return tuple(candidate for candidate in self.ours if candidate.matches(self.published))

    @property
    def holds(self) -> bool:
        """Whether one of ours beats or matches it."""
        return bool(self.winners)

    @property
    def demanded(self) -> bool:
        """Whether ours must: not against an output that is narrower than ours, nor twice as wide as any of ours.

        A method of 4 bits could not be compared at its own width; one of 22 has more than our widest.
        """
        return self.bits <= self.published.bits < self.bits + 4


def compare(section: str, data: str, candidates: Iterable[Candidate]) -> tuple[Comparison, ...]:
    """Return ours against every published one of *candidates*, among which ours are."""
    candidates = tuple(candidates)
    widths = sorted({candidate.bits for candidate in candidates if candidate.kind == OURS})
    comparisons = []
    for candidate in candidates:
        if candidate.kind == PUBLISHED:
            bits = max((width for width in widths if width <= candidate.bits), default=widths[0])
            ours = tuple(other for other in candidates if other.kind == OURS and other.bits == bits)
            comparisons.append(Comparison(section, data, candidate, ours, bits))
    return tuple(comparisons)
