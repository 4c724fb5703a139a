"""What is promised of our approximations: the one list that the command, the documents and the tests go by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vitaccel.reference.certificate.entry import OURS
from vitaccel.reference.certificate.numerics import Numerics
from vitaccel.reference.certificate.softmax_methods import OUR_ENTRIES


@dataclass(frozen=True)
class Promise:
    """A bound on a measured number.

    Parameters
    ----------
    name
        What is bounded, with its data.
    unit
        ``%``, ``LSB``, ``deviations`` or ``rows``.
    limit
        The bound, which a value may reach.
    values
        From the tables to every number that it bounds; none when its table was not measured.
    """

    name: str
    unit: str
    limit: float
    values: Callable[[Numerics], Iterable[float]]


@dataclass(frozen=True)
class Kept:
    """What came of a promise.

    Parameters
    ----------
    promise
        The promise.
    worst
        The largest of its numbers.
    """

    promise: Promise
    worst: float

    @property
    def holds(self) -> bool:
        """Whether the bound was kept."""
        return self.worst <= self.promise.limit


def _pv(fraction_bits: Iterable[int], bits: Iterable[int]) -> Callable[[Numerics], Iterable[float]]:
    """Worst relative RMS of P.V of our numerators, divided at the drain, on every collection of rows."""
    names = {e.name for e in OUR_ENTRIES if e.fraction_bits in fraction_bits and e.output_bits in bits}
    return lambda numerics: [
        row.errors.worst_pv
        for tables in numerics.softmax
        for row in (*tables.same_logits, *tables.total_path)
        if row.method in names
    ]


def _gelu(form: str) -> Callable[[Numerics], Iterable[float]]:
    return lambda numerics: [row.max_lsb for row in numerics.gelu if row.kind == OURS and row.format == form]


def _unmatched(numerics: Numerics) -> Iterable[float]:
    comparisons = numerics.comparisons
    return [sum(c.demanded and not c.holds for c in comparisons)] if comparisons else []


PROMISES: tuple[Promise, ...] = (
    Promise("relative RMS of P.V, q9.6 logits, 12 and 16 bits", "%", 0.0035, _pv([6], [12, 16])),
    Promise("relative RMS of P.V, q7.8 logits, 16 bits", "%", 0.002, _pv([8], [16])),
    Promise("relative RMS of P.V, 8-bit numerators", "%", 0.024, _pv([6, 8], [8])),
    Promise("GELU from int8 to int8", "LSB", 0, _gelu("int8")),
    Promise("GELU at Q4.12, all 65,536 codes", "LSB", 1, _gelu("Q4.12")),
    Promise(
        "RMSE of LayerNorm",
        "deviations",
        2e-5,
        lambda numerics: [row.rmse for row in numerics.layernorm if row.kind == OURS],
    ),
    Promise("published rows of the same width that ours neither beats nor matches", "rows", 0, _unmatched),
)
"""Every promise.

The 12-bit numerators of q7.8 are not among them: their own rounding costs 0.2 % of P.V. Nor are normalized
probabilities of 16 bits, which attention multiplies V with only where scores are reused.
"""


def check_promises(numerics: Numerics) -> tuple[Kept, ...]:
    """Return what came of every promise whose table was measured."""
    found = []
    for promise in PROMISES:
        values = tuple(promise.values(numerics))
        if values:
            found.append(Kept(promise, max(values)))
    return tuple(found)
