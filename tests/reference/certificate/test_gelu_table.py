"""The GELU table holds every code, and its rows are those known from other measurements of the same formulas."""

from __future__ import annotations

import pytest

from vitaccel.reference.certificate.entry import IDEAL, OURS
from vitaccel.reference.certificate.gelu_table import INT8, WIDE, GeluRow, measure_gelu

KNOWN = {
    ("int8", "sigmoid form, float"): (2.0e-2, 4.8e-2, 2.1e-4, 1),
    ("int8", "tanh form, float"): (4.7e-4, 3.1e-2, 1.3e-4, 0),
    ("int8", "h-GELU, float"): (6.9e-2, 7.6e-2, 4.2e-4, 1),
    ("int8", "I-BERT i-GELU"): (6.7e1, 8.0, 3.6e1, 127),
    ("int8", "I-BERT i-GELU, nothing truncated"): (1.8e-2, 3.9e-2, 1.6e-4, 1),
    ("int8", "ITA GELU"): (1.7e-2, 3.9e-2, 1.6e-4, 1),
    ("int8", "I-ViT ShiftGELU"): (3.1e-1, 3.1e-1, 1.3e-2, 5),
    ("int8", "Edge-MoE delta table"): (3.4e-5, 3.1e-2, 1.3e-4, 0),
    ("Q4.12", "exact, rounded"): (0.0, 1.2e-4, 2.7e-9, 0),
    ("Q4.12", "sigmoid form, float"): (2.0e-2, 2.0e-2, 7.1e-5, 84),
    ("Q4.12", "tanh form, float"): (4.7e-4, 5.9e-4, 3.3e-8, 2),
    ("Q4.12", "h-GELU, float"): (6.9e-2, 6.9e-2, 4.7e-4, 282),
    ("Q4.12", "I-BERT i-GELU"): (1.8e-2, 1.8e-2, 3.4e-5, 76),
    ("Q4.12", "I-ViT ShiftGELU"): (6.7e1, 3.1, 2.5e-1, 12785),
    ("Q4.12", "Edge-MoE delta table"): (9.8e-5, 2.1e-4, 3.1e-9, 1),
}
"""Largest error before and after rounding, mean squared error, and largest difference in codes, to two digits."""


@pytest.fixture(scope="module")
def rows() -> tuple[GeluRow, ...]:
    return measure_gelu()


def test_the_rows_are_as_known(rows: tuple[GeluRow, ...]) -> None:
    measured = {(row.format, row.method): row for row in rows}
    for key, (before, after, mse, lsb) in KNOWN.items():
        row = measured[key]
        assert (row.max_abs_before, row.max_abs, row.mse) == pytest.approx((before, after, mse), rel=0.05), key
        assert row.max_lsb == lsb, key


def test_ours_are_exact_or_within_a_code(rows: tuple[GeluRow, ...]) -> None:
    assert {row.format: row.max_lsb for row in rows if row.kind == OURS} == {"int8": 0, "Q4.12": 1}
    assert {row.max_lsb for row in rows if row.kind == IDEAL} == {0}
    candidate = rows[-1].candidate()
    assert (candidate.bits, candidate.errors) == (rows[-1].output_bits, (("max_lsb", float(rows[-1].max_lsb)),))


def test_every_code_is_looked_at() -> None:
    assert INT8.codes.tolist() == list(range(-127, 128))
    assert len(WIDE.codes) == 65536
    assert float(WIDE.codes[0]) * WIDE.scale == -8
    steps: list[str] = []
    assert len(steps) != len(measure_gelu(steps.append)) == len(steps)
