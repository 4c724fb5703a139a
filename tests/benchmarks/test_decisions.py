"""The comparisons behind the compiler's decisions: small models here, the document's numbers in the long run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vitaccel import zoo
from vitaccel.arch import load_preset
from vitaccel.compiler import compile_graph

SMALL = {"memory.bus_bits": "32", "buffers.activation_bytes": "4096", "buffers.weight_bytes": "2048"}
"""A machine on which the micro models stream rows and weights."""


@pytest.fixture(scope="module")
def decisions(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("decisions")


@pytest.fixture(scope="module")
def plain(decisions: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return exported(decisions, tmp_path_factory, "vit-micro")


@pytest.fixture(scope="module")
def moe(decisions: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return exported(decisions, tmp_path_factory, "m3vit-micro", moe_style="dense_bmm")


def exported(decisions: ModuleType, factory: pytest.TempPathFactory, name: str, **options: Any) -> Any:
    path = Path(factory.mktemp("models")) / f"{name}.onnx"
    zoo.export(name, path, exporter="legacy", **options)
    return decisions.import_model(path)


def test_the_passes_are_those_of_the_compiler(decisions: ModuleType, plain: Any) -> None:
    arch = load_preset("default")
    program = decisions.Schedule().run(decisions.plan_for(plain, arch))
    assert str(program) == str(compile_graph(plain.graph, arch).program)


def test_both_orders_of_experts_run_the_same_macs(decisions: ModuleType, moe: Any) -> None:
    rows = list(decisions.expert_order(moe, load_preset("default")))
    assert [row.choice for row in rows] == [
        "static, uniform routing",
        "longest, uniform routing",
        "static, worst routing",
        "longest, worst routing",
    ]
    assert len({row.prediction.actions.macs for row in rows}) == 1
    assert rows[3].prediction.traffic.weight < rows[2].prediction.traffic.weight  # empty experts are not loaded


def test_row_groups_change_when_and_not_what(decisions: ModuleType, plain: Any) -> None:
    rows = [row.prediction for row in decisions.row_groups(plain, load_preset("default"))]
    assert len({row.traffic for row in rows}) == len({row.actions for row in rows}) == 1
    assert rows[3].cycles.elapsed < rows[0].cycles.elapsed


def test_what_moves_fewer_bytes_is_never_worse_than_either_order(decisions: ModuleType, plain: Any) -> None:
    chosen, *others = decisions.loop_order(plain, load_preset("default").with_settings(SMALL))
    moved = [row.prediction.traffic.total_bytes for row in others]
    assert chosen.prediction.traffic.total_bytes <= min(moved)
    assert len(set(moved)) == 2  # the choice was made


def test_a_row_shows_parts_that_sum_to_its_cycles(decisions: ModuleType, plain: Any) -> None:
    row = next(decisions.row_groups(plain, load_preset("default")))
    total, _, *parts, _ = (float(word.replace(",", "")) for word in str(replace(row, choice="")).split())
    assert total == sum(parts) == row.prediction.cycles.elapsed


@pytest.mark.full
def test_the_document_shows_what_the_script_prints(
    decisions: ModuleType, tmp_path: Path, shown: Callable[[str, str, str], None]
) -> None:
    models = [decisions.imported(name, tmp_path) for name in (decisions.MOE, decisions.PLAIN)]
    shown("cost-model.md", "python benchmarks/decisions.py", decisions.report(*models))
