"""RTL, C++ and interpreter of one program: what is equal is told, and what is not ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from tests.benchmarks.refusals import check_refused
from vitaccel.zoo.catalog import resolve
from vitaccel_sim.accelerator.expectations import expected_of


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("three_ways")


def test_every_model_is_one_there_is(script: ModuleType) -> None:
    for model, _ in script.MODELS:
        assert resolve(model, {}).info.name == model


def test_what_cannot_be_is_one_sentence(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    check_refused(script, capsys)


def test_a_row_has_what_was_equal(script: ModuleType) -> None:
    shown = script.Shown(
        model="net", pe="4x4", instructions=1000, tensors=9, numbers=12345, cycles=67890, rtl_s=1.0, hls_s=0.001,
        interpreter_s=0.1,
    )  # fmt: skip
    heads, names, row = script.table([shown])
    assert len(heads) == len(names) == len(row)
    assert row.split() == ["net", "4x4", "1,000", "9", "12,345", "67,890", "1.00", "0.00", "0.10"]


@pytest.mark.full
@pytest.mark.parametrize("model", ["vit-micro", "lookupvit-micro", "m3vit-micro"])
def test_micro_models_are_the_same_three_ways(script: ModuleType, model: str) -> None:
    shown = script.show(model, "4x4")
    assert shown.tensors > 10
    assert shown.cycles > shown.numbers


@pytest.mark.full
def test_a_bit_of_a_weight_is_seen_in_either(script: ModuleType) -> None:
    rtl, hls, inputs = script.delivered("vit-micro", "4x4")
    first = next(each for each in hls.assembled.instructions.instructions if each.fields.get("buffer") == 1)
    weights = bytearray(hls.assembled.weights)
    weights[first.fields["dram"]] ^= 64
    (truth,) = expected_of(rtl.model, inputs)
    with pytest.raises(AssertionError, match=r"^C\+\+: instruction "):
        script.in_cpp(replace(hls, assembled=replace(hls.assembled, weights=bytes(weights))), truth)
    with pytest.raises(AssertionError, match=r"^RTL: instruction "):
        script.in_rtl(replace(rtl, hardware=replace(rtl.hardware, weights=bytes(weights))), truth)
