"""Records of numbers that add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True)
class Additive:
    """A record of numbers that adds field by field."""

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """The sum of many records."""
        each = list(parts)
        return cls(**{f.name: sum(getattr(part, f.name) for part in each) for f in fields(cls)})
