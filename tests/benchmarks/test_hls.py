"""The stopwatch of networks in C++: what it measures is equal first, and its table has a row a model and machine."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch

from vitaccel.zoo.catalog import resolve


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("hls")


def test_every_model_is_one_there_is(script: ModuleType) -> None:
    for model in script.MODELS:
        assert resolve(model, {}).info.name == model


def test_a_micro_model_is_measured(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "TIMED_SECONDS", 0.01)
    before = torch.get_num_threads()
    try:
        speed = script.measure("vit-micro", "4x4")
    finally:
        torch.set_num_threads(before)
    assert speed.tensors > 10
    assert speed.compile_s > 0
    assert speed.hls_images_s > max(speed.interpreter_images_s)
    heads, names, row = script.table([speed])
    assert len(heads) == len(names) == len(row)
    assert row.split()[:3] == ["vit-micro", "4x4", str(speed.tensors)]


def test_the_fastest_run_counts(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.0, 5.0, 5.0, 6.0, 6.0, 14.0])
    monkeypatch.setattr(script.time, "process_time", lambda: next(times))
    monkeypatch.setattr(script, "TIMED_SECONDS", 10.0)
    assert script.fastest(lambda: None) == 1.0
