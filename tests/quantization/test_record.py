"""A record survives JSON, prints every choice, and refuses what it did not write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from vitaccel.errors import VitaccelError
from vitaccel.quantization.record import QuantizationRecord, format_record


@pytest.mark.parametrize("name", ["m3vit", "lookupvit"])
def test_json_gives_it_back(name: str, quantized: Callable[..., Any]) -> None:
    _, record = quantized(name, weight_bits=4)
    text = record.to_json()
    assert QuantizationRecord.from_json(text) == record
    exact = replace(record, weights=(replace(record.weights[0], sqnr_db=float("inf")),))
    assert json.loads(exact.to_json())["weights"][0]["sqnr_db"] is None
    assert QuantizationRecord.from_json(exact.to_json()) == exact


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"weights": [{}]}', "null"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(VitaccelError, match="a quantization record must be what"):
        QuantizationRecord.from_json(text)


def test_every_choice_has_a_line(quantized: Callable[..., Any]) -> None:
    _, record = quantized("m3vit")
    lines = format_record(record).splitlines()
    assert lines[0].startswith(f"{record.model}: 4 calibration images; weight_bits 8, activation_range mse")
    for choice in record.values:
        (line,) = [each for each in lines if each.split()[0:1] == [choice.value] and f" {choice.method} " in each]
        assert f"{choice.ratio:.3f}" in line
    parts = (record.values, record.weights, record.smoothing, record.biases)
    titles = 2 * len([part for part in parts if part])
    assert len(lines) == 2 + sum(map(len, parts)) + titles - 1
