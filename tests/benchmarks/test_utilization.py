"""Where the cycles of PEs go: micro models here, the documents' tables in the long run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from vitaccel.backends.rtl.assemble import assemble
from vitaccel.compiler import compile_model


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


def test_a_layernorm_whose_rows_stream_once_is_never_slower(utilization: ModuleType, folder: Path) -> None:
    found = utilization.second_pass("vit-micro", "8x8", utilization.exported("vit-micro", folder))
    assert 0 < found.cycles - found.once < found.cycles // 10
    assert found.waiting >= 0


def test_nothing_but_layernorms_changes(utilization: ModuleType, folder: Path) -> None:
    model = compile_model(utilization.exported("vit-micro", folder), utilization.machine("8x8"))
    program = assemble(model.program)
    pairs = zip(program.instructions, utilization.taken_once(program).instructions, strict=True)
    changed = [(before, after) for before, after in pairs if before != after]
    norms = [i for i in model.program.instructions if getattr(i, "function", "") == "layernorm"]
    assert len(changed) == len(norms) > 0
    assert {before.operation for before, _ in changed} == {"lane"}


@pytest.mark.full
def test_the_documents_show_what_the_script_prints(
    utilization: ModuleType, folder: Path, shown: Callable[[str, str, str], None]
) -> None:
    shown("cost-model.md", "python benchmarks/utilization.py", utilization.itemized_report(folder))
    shown("accelerator.md", "python benchmarks/utilization.py --layernorm", utilization.layernorm_report(folder))
