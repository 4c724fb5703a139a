"""The stopwatch of networks in C++: what it measures is equal first, and its table has a row a model and machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.benchmarks.refusals import check_refused
from vitaccel.zoo.catalog import resolve


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("hls")


def test_every_model_is_one_there_is(script: ModuleType) -> None:
    for model in script.MODELS:
        assert resolve(model, {}).info.name == model


def test_what_cannot_be_is_one_sentence(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    check_refused(script, capsys)


def test_a_micro_model_is_measured(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "TIMED_SECONDS", 0.01)
    before = torch.get_num_threads()
    try:
        speed = script.measure("vit-micro", "4x4")
    finally:
        torch.set_num_threads(before)
    assert speed.tensors > 10
    assert speed.compile_s > 0
    assert min(speed.words_images_s, speed.pairs_images_s) > max(speed.interpreter_images_s)
    heads, names, row = script.table([speed])
    assert len(heads) == len(names) == len(row)
    assert row.split()[:3] == ["vit-micro", "4x4", str(speed.tensors)]


def test_the_fastest_run_counts(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.0, 5.0, 5.0, 6.0, 6.0, 14.0])
    monkeypatch.setattr(script.time, "process_time", lambda: next(times))
    monkeypatch.setattr(script, "TIMED_SECONDS", 10.0)
    assert script.fastest(lambda: None) == 1.0


def test_the_document_has_a_table_as_it_is_printed(script: ModuleType) -> None:
    text = (Path(__file__).parents[2] / "docs" / "gen-hls.md").read_text(encoding="utf-8")
    lines = text.partition("```text\n" + "\n".join(script.table([])) + "\n")[2].partition("\n```")[0].splitlines()
    measured = [tuple(line.split()[:2]) for line in lines]
    assert measured == [(model, pe) for model in script.MODELS for pe in script.MACHINES]
