"""Where the cycles of PEs go: micro models here, the documents' tables in the long run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def utilization(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("utilization")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("models"))


def test_shares_sum_to_the_whole(utilization: ModuleType, folder: Path) -> None:
    lines = utilization.itemized_report(folder, (("vit-micro", "8x8"),)).splitlines()
    assert lines[0].split() == ["vit-micro"]
    shares = [float(line.split()[-1].strip("<%")) for line in lines[2:-1]]
    assert sum(shares) == pytest.approx(100, abs=0.1)


def test_moments_at_the_drain_save_cycles_and_change_no_number_of_layernorms(
    utilization: ModuleType, folder: Path
) -> None:
    found = utilization.drained("vit-micro", "8x8", utilization.exported("vit-micro", folder))
    assert 0 < found.twice - found.once < found.twice // 10
    assert found.drained == found.norms > 0


def test_rows_that_come_from_experts_are_streamed_twice(utilization: ModuleType, folder: Path) -> None:
    found = utilization.drained("m3vit-micro", "8x8", utilization.exported("m3vit-micro", folder))
    assert 0 < found.drained < found.norms
    assert found.once < found.twice


@pytest.mark.full
def test_the_documents_show_what_the_script_prints(
    utilization: ModuleType, folder: Path, shown: Callable[[str, str, str], None]
) -> None:
    shown("cost-model.md", "python benchmarks/utilization.py", utilization.itemized_report(folder))
    shown("accelerator.md", "python benchmarks/utilization.py --layernorm", utilization.layernorm_report(folder))
