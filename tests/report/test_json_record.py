from __future__ import annotations

import dataclasses
import json
import math

import pytest

from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.json_record import SCHEMA_VERSION, as_columns, as_record, to_json
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES

PROMISED = {
    *("model", "input_shape", "arch", "params", "macs", "macs_dense", "cycles", "frequency_hz", "latency_s", "fps"),
    *("utilization", "dram_bytes", "energy_j", "bottleneck", "layers"),
}
PROMISED_OF_LAYERS = {"name", "op", "macs", "cycles", "dram_bytes", "energy_j", "utilization"}


def test_columns_are_records(prediction: Prediction) -> None:
    record = as_columns([prediction, prediction])
    assert set(record) == {"schema_version", "columns"}
    assert record["columns"] == [as_record(prediction)] * 2


def test_what_was_promised_is_there(prediction: Prediction) -> None:
    record = as_record(prediction)
    assert record["schema_version"] == SCHEMA_VERSION == 1
    assert set(record) >= PROMISED
    for layer in record["layers"]:
        assert set(layer) >= PROMISED_OF_LAYERS


def test_totals_equal_the_sum_of_their_rows(prediction: Prediction) -> None:
    record = as_record(prediction)
    for rows in (record["layers"], record["blocks"]):
        for key in ("macs", "cycles", "dram_bytes"):
            assert sum(row[key] for row in rows) == record[key]
        for part, size in record["cycle_parts"].items():
            assert sum(row["cycle_parts"][part] for row in rows) == size
        assert math.isclose(sum(row["energy_j"] for row in rows), record["energy_j"], rel_tol=1e-12)
    assert sum(record["mac_slots"].values()) == record["cycles"] * record["arch"]["pes"]
    for whole in (record, *record["layers"]):
        assert sum(whole["cycle_parts"].values()) == whole["cycles"]
        assert sum(whole["dram_bytes_by_kind"].values()) == whole["dram_bytes"]
        assert math.isclose(sum(whole["energy_parts_j"].values()), whole["energy_j"], rel_tol=1e-12)


def test_the_numbers(prediction: Prediction, moe_prediction: Prediction) -> None:
    record = as_record(prediction)
    assert record["cycles"] == 5000
    assert record["latency_s"] == 2.5e-05
    assert record["fps"] == 80_000
    assert record["utilization"] == 0.6
    assert record["input_shape"] == [2, 3, 16, 16]
    assert record["routing"] is None
    assert record["fits"] is True
    routed = as_record(moe_prediction)
    assert (routed["macs"], routed["macs_dense"]) == (192_000, 960_000)
    assert routed["routing"] == "uniform"
    assert routed["fits"] is False
    assert len(routed["exceeded"]) == 1
    assert routed["arch"]["pes"] == 768


def test_what_a_machine_takes_of_its_device(prediction: Prediction) -> None:
    assert as_record(prediction)["area"] is None
    blocks = {"array": Area(luts=41_000, ram_luts=820), "lanes": Area(multipliers=78)}
    use = DeviceUse(device=DEVICES["ecp5-85k"], blocks=blocks, logic_rows=2, frequency_mhz=56.0)
    area = as_record(dataclasses.replace(prediction, use=use))["area"]
    assert (area["device"], area["limit"], area["logic_rows"]) == ("Lattice LFE5U-85F", "luts", 2)
    assert area["frequency_hz"] == 56e6
    assert area["shares"]["luts"] == 0.5
    assert [each["block"] for each in area["blocks"]] == ["array", "lanes"]
    for name, total in area["total"].items():
        assert total == sum(each[name] for each in area["blocks"])


def test_the_text_is_the_record_with_a_layer_a_line(prediction: Prediction) -> None:
    for record in (as_record(prediction), as_columns([prediction])):
        text = to_json(record)
        assert json.loads(text) == record
        assert text.endswith("}\n")
        assert sum(line.lstrip().startswith('{"name": "block0.mlp.fc1"') for line in text.splitlines()) == 1


def test_numbers_json_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"latency_s": math.inf})
