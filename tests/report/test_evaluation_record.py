from __future__ import annotations

import json

from tests.report.evaluations import LABELLED, ROUTED
from vitaccel.report.evaluation_record import evaluation_modes, evaluation_record
from vitaccel.report.json_record import to_json


def test_labelled() -> None:
    record = evaluation_record(LABELLED)
    expected = {"images": 8, "float_top1": 1.0, "int_top1": 0.875, "agreement": 0.875, "sqnr_db": 47.25}
    assert {key: record[key] for key in expected} == expected
    assert (record["first_losing"], record["loss_limit_db"]) == ("embed.patch", 3.0)
    assert record["quantization"]["weight_bits"] == 8
    assert (record["gates"], record["gate_agreement"], record["routing"]) == ([], None, None)
    assert record["layers"][3] == {
        "name": "head.linear",
        "op": "linear",
        "value": "%12",
        "sqnr_db": 47.25,
        "loss_db": -2.75,
        "source": "block0.moe",
    }


def test_what_is_infinite_is_null() -> None:
    layers = evaluation_record(LABELLED)["layers"]
    assert (layers[0]["sqnr_db"], layers[0]["source"]) == (None, None)
    assert (layers[1]["sqnr_db"], layers[1]["loss_db"]) == (48.0, None)
    json.loads(to_json(evaluation_record(LABELLED)))


def test_no_accuracy_without_labels() -> None:
    record = evaluation_record(ROUTED)
    assert (record["float_top1"], record["int_top1"]) == (None, None)


def test_experts() -> None:
    record = evaluation_record(ROUTED)
    assert (record["gate_agreement"], record["gate_choice_agreement"]) == (0.97, 0.98)
    assert record["gates"][0]["int_load"] == [81, 69, 50]
    assert record["routing"] == {
        "same": {"images": 8, "agreement": 1.0, "sqnr_db": 50.5},
        "other": {"images": 0, "agreement": None, "sqnr_db": None},
        "rerouted": {"images": 8, "agreement": 1.0, "sqnr_db": None},
    }
    assert (record["softmax"], record["weight_bits"], record["quantization"]) == ("f8-u16", 4, None)


def test_modes() -> None:
    assert evaluation_modes([LABELLED, ROUTED]) == {
        "schema_version": 1,
        "modes": [evaluation_record(LABELLED), evaluation_record(ROUTED)],
    }
