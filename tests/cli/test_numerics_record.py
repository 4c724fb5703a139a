"""The JSON object of the measured tables."""

from __future__ import annotations

from vitaccel.cli.numerics_record import numerics_record
from vitaccel.reference.certificate.numerics import Numerics, measure_numerics
from vitaccel.reference.certificate.promises import check_promises


def test_rows_are_flat_and_nothing_is_lost() -> None:
    measured = measure_numerics(rows=3)
    kept = check_promises(measured)
    record = numerics_record(measured, kept)
    (tables,) = measured.softmax
    for name in ("same_logits", "total_path"):
        rows = getattr(tables, name)
        assert len(record["softmax"][0][name]) == len(rows)
        for got, row in zip(record["softmax"][0][name], rows, strict=True):
            expected = {key: value for key, value in vars(row).items() if key != "errors"} | vars(row.errors)
            assert got == expected
    assert [row["max_lsb"] for row in record["gelu"]] == [row.max_lsb for row in measured.gelu]
    assert [row["published"] for row in record["comparisons"]] == [c.published.name for c in measured.comparisons]
    assert [row["worst"] for row in record["promises"]] == [one.worst for one in kept]
    assert record["holds"] == all(one.holds for one in kept)


def test_nothing_measured_breaks_nothing() -> None:
    record = numerics_record(Numerics(), ())
    assert record["holds"] is True
    assert record["softmax"] == record["gelu"] == record["comparisons"] == record["promises"] == []
