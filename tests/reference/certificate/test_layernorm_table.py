"""The LayerNorm table on few rows: a rounded mean costs 3 % of an int8 deviation, exact moments nothing."""

from __future__ import annotations

import pytest

from vitaccel.reference.certificate.entry import OURS
from vitaccel.reference.certificate.layernorm_table import LayerNormRow, measure_layernorm


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], LayerNormRow]:
    return {(row.input, row.method): row for row in measure_layernorm(rows=60)}


def test_published_rows_are_as_known(rows: dict[tuple[str, str], LayerNormRow]) -> None:
    for method in ("I-BERT", "I-ViT"):
        assert rows["int8", method].rmse == pytest.approx(2.9e-2, rel=0.15)
        assert rows["int16", method].rmse < 1e-3


def test_ours_are_a_thousand_times_as_exact(rows: dict[tuple[str, str], LayerNormRow]) -> None:
    ours = [row for row in rows.values() if row.kind == OURS]
    assert [row.input for row in ours] == ["int8", "int16"]
    assert all(row.rmse < 2e-5 and row.max_abs < 1e-4 for row in ours)
    assert dict(ours[0].candidate().errors) == {"rmse": ours[0].rmse, "max_abs": ours[0].max_abs}


def test_the_seed_decides() -> None:
    assert measure_layernorm(rows=3) == measure_layernorm(rows=3)
    assert measure_layernorm(rows=3) != measure_layernorm(rows=3, seed=1)
