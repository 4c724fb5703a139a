"""The stopwatch of the interpreter: what it measures is measured, and its table has a row a model."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
import torch

from vitaccel.zoo.catalog import resolve


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("interpreter")


def test_every_model_is_one_there_is(script: ModuleType) -> None:
    for model in script.MODELS:
        assert resolve(model, {}).info.name == model


def test_a_micro_model_is_measured(script: ModuleType) -> None:
    before = torch.get_num_threads()
    try:
        speed = script.measure("vit-micro", (1, 3), threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert speed.instructions > 50
    assert speed.peak_bytes[0] > speed.peak_bytes[1] >= 0
    assert speed.float_images_s > speed.integer_images_s[1] > 0
    # What an instruction costs is shared by the images.
    assert speed.integer_images_s[3] > speed.integer_images_s[1]
    head, units, row = script.table([speed], (1, 3))
    assert len(units) == len(row) >= len(head)
    assert row.startswith("vit-micro")


def test_the_shortest_of_three_counts(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([0.03, 0.0, 0.02])
    assert script.shortest(lambda: time.sleep(next(waits))) < 0.02
    monkeypatch.setattr(script, "LONG_SECONDS", 0.001)
    once = iter([0.002])
    assert script.shortest(lambda: time.sleep(next(once))) >= 0.002


def test_the_command_prints_a_row_a_model(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    class Pool:
        def __init__(self, _processes: int) -> None: ...

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...

        def apply(self, function: object, arguments: tuple[str, tuple[int, ...], int]) -> object:
            assert function is script.measure
            asked.append(arguments)
            return script.Speed(arguments[0], 209, 0.1, 5000.0, {2: 40.0}, (10**8, 10**6))

    monkeypatch.setattr(script.multiprocessing, "get_context", lambda _kind: SimpleNamespace(Pool=Pool))
    monkeypatch.setattr(sys, "argv", ["interpreter.py", "vit-micro", "vit-tiny", "--batch", "2", "--threads", "1"])
    script.main()
    assert asked == [("vit-micro", [2], 1), ("vit-tiny", [2], 1)]
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["vit-micro", "vit-tiny"]
