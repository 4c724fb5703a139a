"""The softmax tables: every method on the same rows, and the whole path from real logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vitaccel.reference.certificate.entry import Candidate
from vitaccel.reference.certificate.rows import Rows, Summary, measure_all
from vitaccel.reference.certificate.softmax_methods import ENTRIES, PATHS, SoftmaxEntry, snapped

Progress = Callable[[str], None]
"""Called with the name of each step before it begins."""


@dataclass(frozen=True)
class SoftmaxRow:
    """A row of a softmax table.

    Parameters
    ----------
    method
        The method's name.
    kind
        ``ideal``, ``published`` or ``ours``.
    output_bits
        Width of what multiplies V; 0 for float64.
    fraction_bits
        Of our base-2 logits straight from the accumulator; otherwise 0.
    errors
        What it loses over all sets of rows.
    """

    method: str
    kind: str
    output_bits: int
    fraction_bits: int
    errors: Summary

    def candidate(self) -> Candidate:
        """What is compared: the relative RMS error of P.V, worst and mean."""
        measures = (("worst_pv", self.errors.worst_pv), ("mean_pv", self.errors.mean_pv))
        return Candidate(self.method, self.kind, self.output_bits, measures)


@dataclass(frozen=True)
class SoftmaxTables:
    """Both tables on one collection of rows.

    Parameters
    ----------
    data
        What the rows are: ``gaussian``, or the name of a file.
    sets, rows
        How many sets of rows, and rows in all.
    same_logits
        Every method against the softmax of the int8 logits (min-max scale).
    total_path
        Paths from real logits, against the softmax of those.
    """

    data: str
    sets: int
    rows: int
    same_logits: tuple[SoftmaxRow, ...]
    total_path: tuple[SoftmaxRow, ...]


def measure_softmax(data: str, sets: Iterable[Rows], progress: Progress = lambda _: None) -> SoftmaxTables:
    """Measure all methods on *sets* of rows, at least one."""
    raw = tuple(sets)
    return SoftmaxTables(
        data=data,
        sets=len(raw),
        rows=sum(len(rows.logits) for rows in raw),
        same_logits=_measured(ENTRIES, tuple(map(snapped, raw)), progress),
        total_path=_measured(PATHS, raw, progress),
    )


def _measured(entries: Sequence[SoftmaxEntry], sets: Sequence[Rows], progress: Progress) -> tuple[SoftmaxRow, ...]:
    rows = []
    for entry in entries:
        progress(f"{entry.name}, {entry.output_bits} bits")
        errors = measure_all(entry.probabilities, sets)
        rows.append(SoftmaxRow(entry.name, entry.kind, entry.output_bits, entry.fraction_bits, errors))
    return tuple(rows)
