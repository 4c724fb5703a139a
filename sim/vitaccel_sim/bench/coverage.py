"""Functional coverage: bins declared beforehand, hits counted, and a report that names what was never hit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


class CoverageError(Exception):
    """A bench hit a bin that nobody declared."""


@dataclass
class Coverage:
    """Bins of one block.

    Parameters
    ----------
    declared
        Names of the bins, such as ``stall: bursts`` or ``length: 577``.
    hits
        How often each was hit, bins without hits included.
    """

    declared: tuple[str, ...]
    hits: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        if len(set(self.declared)) != len(self.declared) or not self.declared:
            raise CoverageError("bins must be declared once each, and at least one")
        self.hits = dict.fromkeys(self.declared, 0)

    def hit(self, name: str) -> None:
        """Count a hit.

        Raises
        ------
        CoverageError
            If the bin was not declared.
        """
        if name not in self.hits:
            raise CoverageError(f"a bin must be declared before it is hit, and {name!r} is not")
        self.hits[name] += 1

    @property
    def missed(self) -> tuple[str, ...]:
        """Bins without a hit, as declared."""
        return tuple(name for name, count in self.hits.items() if not count)

    def add(self, hits: dict[str, int]) -> None:
        """Add the hits of another run of the same bench."""
        for name, count in hits.items():
            if name not in self.hits:
                raise CoverageError(f"a bin must be declared before it is hit, and {name!r} is not")
            self.hits[name] += count

    def write(self, path: Path) -> None:
        """Leave the hits in a file, for the process that started the simulator."""
        path.write_text(json.dumps(self.hits, indent=1))

    def __str__(self) -> str:
        hit = len(self.declared) - len(self.missed)
        lines = [f"{hit} of {len(self.declared)} bins hit"]
        lines += [f"  {count:8,}  {name}" for name, count in self.hits.items()]
        return "\n".join(lines)


def cross(**axes: Iterable[object]) -> tuple[str, ...]:
    """Return the bins of every combination, ``idle=random stall=bursts`` for one."""
    names = [""]
    for axis, values in axes.items():
        names = [f"{name} {axis}={value}".strip() for value in values for name in names]
    return tuple(sorted(names))
