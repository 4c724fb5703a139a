from __future__ import annotations

import csv
import io

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.layers_csv import layers_csv


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_one_row_a_layer_with_sums_that_hold(prediction: Prediction) -> None:
    found = rows(layers_csv([prediction]))
    assert [row["layer"] for row in found] == [layer.name for layer in prediction.layers]
    assert sum(int(row["cycles"]) for row in found) == prediction.cycles.elapsed
    assert sum(int(row["dram_bytes"]) for row in found) == prediction.traffic.total_bytes
    for row in found:
        assert sum(int(value) for key, value in row.items() if key.startswith("cycles_")) == int(row["cycles"])
        assert sum(int(value) for key, value in row.items() if key.startswith("dram_bytes_")) == int(row["dram_bytes"])


def test_several_machines_in_one_file(prediction: Prediction, moe_prediction: Prediction) -> None:
    found = rows(layers_csv([prediction, moe_prediction], sort="time"))
    assert [(row["model"], row["pe"]) for row in found] == [("tiny", "8x8")] * 4 + [("tiny-moe", "3x16x16")] * 4
    assert found[0]["layer"] == "block0.mlp.fc1"
