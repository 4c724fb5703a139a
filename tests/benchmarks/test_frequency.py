"""Frequencies that were placed beside those predicted: what is held out is not fitted, and the document shows both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def frequency(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("frequency")


def test_the_worst_error_is_that_of_what_is_held_out(frequency: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def placed(name: str, *, is_held_out: bool = False) -> Mapping[int, float]:
        return {} if name != "ecp5-85k" else {6: 50.0} if is_held_out else {4: 80.0}

    monkeypatch.setattr(frequency, "placed_mhz", placed)
    monkeypatch.setattr(frequency, "predicted_mhz", lambda _, side: {4: 40.0, 6: 45.0}[side])
    head, *lines = frequency.table()
    assert head.split() == ["machine", "MHz", "predicted", "error"]
    assert lines == [
        "Lattice LFE5U-85F, 4x4                     80.0       40.0  -50.0%",
        "Lattice LFE5U-85F, 6x6                *    50.0       45.0  -10.0%",
        "worst error of those held out (*): 10.0%",
    ]


def test_the_document_shows_what_is_printed(
    frequency: ModuleType, capsys: pytest.CaptureFixture[str], shown: Callable[[str, str, str], None]
) -> None:
    assert frequency.main() == 0
    shown("synthesis.md", "python benchmarks/frequency.py", capsys.readouterr().out)
