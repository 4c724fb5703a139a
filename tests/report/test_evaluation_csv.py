from __future__ import annotations

import csv
import io

from tests.report.evaluations import LABELLED, ROUTED
from vitaccel.report.evaluation_csv import HEADINGS, evaluation_csv


def test_one_row_a_layer_and_mode() -> None:
    rows = list(csv.DictReader(io.StringIO(evaluation_csv([LABELLED, ROUTED]))))
    assert len(rows) == 8
    assert tuple(rows[0]) == HEADINGS
    assert [row["softmax"] for row in rows] == ["f6-u8"] * 4 + ["f8-u16"] * 4
    for row, layer in zip(rows, (*LABELLED.layers, *ROUTED.layers), strict=True):
        assert (row["layer"], row["source"]) == (layer.name, layer.source)
        assert (float(row["sqnr_db"]), float(row["loss_db"])) == (layer.sqnr_db, layer.loss_db)
