from __future__ import annotations

import json

import pytest

from vitaccel import __version__
from vitaccel.errors import QuantizationError
from vitaccel.quantization import QuantizationOptions, QuantizationRecord
from vitaccel.quantization.record import BiasChoice, SmoothingChoice, ValueChoice, WeightChoice
from vitaccel.quantization.stored import SCHEMA_VERSION, StoredChoices, read_stored

CHOICES = StoredChoices(
    QuantizationRecord(
        model="main",
        images=7,
        correction_images=5,
        options=QuantizationOptions(weight_bits=4, activation_range="percentile", percentile=99.5),
        values=(ValueChoice("%1", "head", "linear", 16, "stream", 1.5, 1.25, (0.5, 0.25), "%1"),),
        weights=(WeightChoice("%1", "head", "weight", 4, "nearest", 0.1, 0.2, float("inf")),),
        smoothing=(SmoothingChoice("%0", "norm", "layernorm", 0.5, (1.0, 2.0)),),
        biases=(BiasChoice("%1", "head", "bias", 0.1, 0.2, True),),
    ),
    calibration="random",
    logit_fraction_bits=8,
)


def test_what_is_stored_is_read() -> None:
    text = CHOICES.to_json()
    assert read_stored(text, "a.onnx") == CHOICES
    plain = json.loads(text)
    assert (plain["schema_version"], plain["vitaccel"], plain["calibration"]) == (1, __version__, "random")
    assert plain["weights"][0]["sqnr_db"] is None


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(
        QuantizationError, match=r"^a\.onnx must hold the choices of vitaccel quantize, and it holds none"
    ):
        read_stored("", "a.onnx")
    plain = CHOICES.as_record()
    newer = json.dumps(plain | {"schema_version": SCHEMA_VERSION + 1})
    with pytest.raises(QuantizationError, match="must have schema version 1, not 2"):
        read_stored(newer, "a.onnx")
    damaged = [
        "{", "[]", "3", "null", json.dumps({"schema_version": 1}),
        *(json.dumps({k: v for k, v in plain.items() if k != gone}) for gone in plain),
        json.dumps(plain | {"options": {"weight_bits": 5}}),
        json.dumps(plain | {"values": [{"value": "%1"}]}),
    ]  # fmt: skip
    for text in damaged:
        with pytest.raises(QuantizationError, match=r"choices in a\.onnx must be what vitaccel quantize wrote"):
            read_stored(text, "a.onnx")
