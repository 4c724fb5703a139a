"""The measured tables as one JSON object; ``docs/json.md`` documents every key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vitaccel.report.json_record import SCHEMA_VERSION

if TYPE_CHECKING:
    from vitaccel.reference.certificate.entry import Comparison
    from vitaccel.reference.certificate.numerics import Numerics
    from vitaccel.reference.certificate.promises import Kept
    from vitaccel.reference.certificate.softmax_table import SoftmaxRow


def numerics_record(measured: Numerics, kept: Iterable[Kept]) -> dict[str, Any]:
    """Return the tables, the comparisons and what came of the promises as JSON types."""
    kept = tuple(kept)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "measured",
        "softmax": [
            {
                "data": tables.data,
                "sets": tables.sets,
                "rows": tables.rows,
                "same_logits": [_softmax_row(row) for row in tables.same_logits],
                "total_path": [_softmax_row(row) for row in tables.total_path],
            }
            for tables in measured.softmax
        ],
        "gelu": [asdict(row) for row in measured.gelu],
        "layernorm": [asdict(row) for row in measured.layernorm],
        "primitives": [asdict(row) for row in measured.primitives],
        "comparisons": [_comparison(comparison) for comparison in measured.comparisons],
        "promises": [
            {
                "name": one.promise.name,
                "unit": one.promise.unit,
                "limit": one.promise.limit,
                "worst": one.worst,
                "holds": one.holds,
            }
            for one in kept
        ],
        "holds": all(one.holds for one in kept),
    }


def _softmax_row(row: SoftmaxRow) -> dict[str, Any]:
    record = asdict(row)
    return {**{key: value for key, value in record.items() if key != "errors"}, **record["errors"]}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "section": comparison.section,
        "data": comparison.data,
        "published": comparison.published.name,
        "output_bits": comparison.published.bits,
        "our_bits": comparison.bits,
        "winners": [candidate.name for candidate in comparison.winners],
        "holds": comparison.holds,
        "demanded": comparison.demanded,
    }
