"""The stopwatch: fresh processes on one core, stages that sum, and a size that does not depend on the MACs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vitaccel import zoo
from vitaccel.arch import load_preset
from vitaccel.compiler import compile_model
from vitaccel.zoo.catalog import resolve


@pytest.fixture(scope="module")
def simulate(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("simulate")


@pytest.fixture(scope="module")
def micro(simulate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = Path(tmp_path_factory.mktemp("models")) / "vit-micro.onnx"
    zoo.export("vit-micro", path, exporter="legacy")
    return path, simulate.in_fresh_process(path, simulate.Case("vit-micro"))


def test_every_case_is_a_model_and_a_machine_there_is(simulate: ModuleType) -> None:
    for case in (case for cases in simulate.SECTIONS.values() for case in cases):
        resolve(case.model, dict(option.split("=") for option in case.options))
        assert case.machine.array.pes >= 64


def test_a_fresh_process_has_one_core_and_compiles_the_same_program(micro: Any) -> None:
    path, run = micro
    program = compile_model(path, load_preset("default").with_pe("64")).program
    assert run.cores == 1
    assert (run.instructions, run.macs) == (len(program.instructions), sum(layer.macs for layer in program.layers))


def test_the_stages_sum_and_every_one_was_run(micro: Any) -> None:
    run = micro[1]
    stages = (run.load_s, run.import_s, run.compile_s, run.predict_s, run.report_s, run.cpu_s)
    assert all(seconds > 0 for seconds in stages)
    assert run.total_s == sum(stages[1:5])
    assert run.peak_bytes > run.base_bytes > 0


def test_a_failure_is_one_line_about_the_case(simulate: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"model='vit-micro'.*ModelError: .*none.onnx must exist$"):
        simulate.in_fresh_process(tmp_path / "none.onnx", simulate.Case("vit-micro"))


def test_what_is_there_is_not_exported_again(simulate: ModuleType, tmp_path: Path) -> None:
    case = simulate.Case("vit-tiny", ("depth=6",))
    (tmp_path / "vit-tiny.depth=6.onnx").touch()
    assert simulate.exported(case, tmp_path) == tmp_path / "vit-tiny.depth=6.onnx"


def test_the_median_run_is_shown(simulate: ModuleType, micro: Any) -> None:
    run = micro[1]
    runs = [type(run)(**(vars(run) | {"import_s": seconds})) for seconds in (9.0, 1.0, 5.0, 7.0)]
    assert simulate.typical(runs).import_s == 5.0
    assert simulate.typical(runs[:3]).import_s == 5.0


def test_instructions_do_not_grow_with_macs(benchmark_module: Callable[[str], ModuleType]) -> None:
    gemm_cycles = benchmark_module("gemm_cycles")
    arch = gemm_cycles.machine("16x16")
    small, large = (
        gemm_cycles.compiled(gemm_cycles.Gemm("", tokens, 256, 256), arch).instructions for tokens in (256, 4096)
    )
    assert len(large) == len(small)
