"""The measured tables as text: what a cell says, which table follows which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitaccel.cli.numerics_tables import comparison_table, numerics_tables, promise_table, same_logits_table
from vitaccel.reference.certificate.entry import OURS, PUBLISHED, Candidate, Comparison
from vitaccel.reference.certificate.numerics import Numerics
from vitaccel.reference.certificate.promises import PROMISES, Kept
from vitaccel.reference.certificate.rows import Summary
from vitaccel.reference.certificate.softmax_table import SoftmaxRow, SoftmaxTables

ROW = SoftmaxRow("m", PUBLISHED, 8, 0, Summary(0.012, 3e-9, 1.5, 0.25, 0.1234, 0.00001))


def test_a_row_of_softmax() -> None:
    table = same_logits_table(SoftmaxTables("x.npz", 1, 1234, (ROW, replace(ROW, output_bits=0)), ()))
    assert table.title == "Softmax of the same int8 logits, x.npz: 1,234 rows in 1 set"
    assert table.rows[0] == ("m", "8", "1.2e-02", "3.0e-09", "1.5e+00", "2.5e-01", "12.34%", "<0.01%")
    assert table.rows[1][1] == "float"


@pytest.mark.parametrize(
    ("bits", "our_bits", "error", "verdict"),
    [(8, 8, 0.1, "q9.6; q7.8"), (8, 8, 0.05, "q7.8"), (8, 8, 0.01, "none"), (4, 8, 0.1, "q9.6; q7.8 (ours is wider)"),
     (22, 16, 0.0, "none (ours is narrower)")],
)  # fmt: skip
def test_a_verdict(bits: int, our_bits: int, error: float, verdict: str) -> None:
    published = Candidate("m", PUBLISHED, bits, (("e", error),))
    ours = tuple(
        Candidate(f"vitaccel, {name}", OURS, our_bits, (("e", e),)) for name, e in (("q9.6", 0.1), ("q7.8", 0.05))
    )
    (row,) = comparison_table([Comparison("s", "d", published, ours, our_bits)]).rows
    assert row == ("s", "d", "m", str(bits), str(our_bits), verdict)


def test_promises_with_their_units() -> None:
    worsts = [0.0032, 0.0021, 0.02, 0, 2, 1e-5, 3]
    rows = promise_table(Kept(promise, worst) for promise, worst in zip(PROMISES, worsts, strict=True)).rows
    assert [row[1:] for row in rows] == [
        ("0.35%", "0.32%", "yes"),
        ("0.20%", "0.21%", "NO"),
        ("2.40%", "2.00%", "yes"),
        ("0 LSB", "0 LSB", "yes"),
        ("1 LSB", "2 LSB", "NO"),
        ("2.0e-05", "1.0e-05", "yes"),
        ("0 rows", "3 rows", "NO"),
    ]


def test_only_what_was_measured_has_a_table() -> None:
    titles = [table.title for table in numerics_tables(Numerics(), ())]
    assert len(titles) == 2
    one = Numerics(softmax=(SoftmaxTables("a", 1, 1, (ROW,), (ROW,)), SoftmaxTables("b", 2, 1, (), ())))
    assert len(numerics_tables(replace(one, softmax=one.softmax[1:]), ())) == 4
