"""Gaps of code coverage: those that the reviewed list ``gaps.txt`` explains, with a sentence each, and those left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vitaccel_sim.code_coverage import CodeCoverage, joined
from vitaccel_sim.explanations import Explanation, read_explanations, reason_of

LIST = Path(__file__).with_name("gaps.txt")


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """What a bench did not run or move.

    Parameters
    ----------
    explained
        Lines and bits by the reason why no bench can.
    left
        The others by name: lines, and bits of a signal together.
    left_count
        How many lines and bits those are.
    """

    explained: Counter[str] = field(default_factory=Counter)
    left: tuple[str, ...]
    left_count: int

    @property
    def count(self) -> int:
        """Lines and bits in all."""
        return self.explained.total() + self.left_count


def gap_explanations() -> tuple[Explanation, ...]:
    """Return the list; a place is a line or a bit as :class:`vitaccel_sim.code_coverage.CodeCoverage` names it."""
    return read_explanations(LIST.read_text(encoding="utf-8"))


def gaps_of(block: str, code: CodeCoverage, listed: Iterable[Explanation]) -> Gaps:
    """Return the gaps of a block's coverage, those that are *listed* apart."""
    entries = tuple(listed)
    reasons = {place: reason_of(block, place, entries) for place in (*code.missed, *code.still)}
    lines, bits = _without(code.missed, reasons), _without(code.still, reasons)
    return Gaps(
        explained=Counter(reason for reason in reasons.values() if reason),
        left=(*lines, *joined(bits)),
        left_count=len(lines) + len(bits),
    )


def _without(places: Sequence[str], reasons: dict[str, str]) -> list[str]:
    return [place for place in places if not reasons[place]]
