"""Single products: our cycles, SCALE-Sim's, and an explanation that leaves no cycle over."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from types import ModuleType
from typing import Any

import pytest

from vitaccel.backends.cost_model import pipelines

SIDES = {"16x16": 16, "32x32": 32, "4x32x32": 64}


@pytest.fixture(scope="module")
def gemm_cycles(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("gemm_cycles")


@pytest.fixture(params=range(5))
def gemm(request: pytest.FixtureRequest, gemm_cycles: ModuleType) -> Any:
    return gemm_cycles.GEMMS[request.param]


def test_the_closed_forms_are_what_scale_sim_measured(gemm_cycles: ModuleType, gemm: Any) -> None:
    both = gemm_cycles.output_stationary(gemm, 32), gemm_cycles.weight_stationary(gemm, 32)
    assert tuple(count.cycles for count in both) == gemm_cycles.SCALE_SIM_32[gemm.name]


def test_the_closed_forms_are_what_scale_sim_measured_on_other_arrays(gemm_cycles: ModuleType) -> None:
    proj, sides = gemm_cycles.PROJ, SIDES.values()
    stationary = tuple(gemm_cycles.output_stationary(proj, side).cycles for side in sides)
    assert stationary == gemm_cycles.PEERS["SCALE-Sim, output-stationary"]
    stationary = tuple(gemm_cycles.weight_stationary(proj, side).cycles for side in sides)
    assert stationary == gemm_cycles.PEERS["SCALE-Sim, weight-stationary"]


@pytest.mark.parametrize("array", ["16x16", "32x32"])
def test_our_tiles_one_after_another_are_scale_sim_to_the_cycle(gemm_cycles: ModuleType, gemm: Any, array: str) -> None:
    program = gemm_cycles.compiled(gemm, gemm_cycles.machine(array))
    assert gemm_cycles.serial_cycles(program) == gemm_cycles.output_stationary(gemm, SIDES[array]).cycles


@pytest.mark.parametrize("array", SIDES)
def test_our_cycles_are_tiles_times_depth_and_one_drain(gemm_cycles: ModuleType, gemm: Any, array: str) -> None:
    arch = gemm_cycles.machine(array, **gemm_cycles.KEEPS_UP)
    side, arrays = arch.array.side, arch.array.count
    tiles = ceil(gemm.m / side) * ceil(ceil(gemm.n / side) / arrays)
    predicted = gemm_cycles.predicted(gemm, arch)
    ours = gemm_cycles.ours(gemm, arch, "")
    assert ours.bound + ours.padding == tiles * gemm.k
    assert ours.fill_drain == pipelines.matmul_result(arch)
    assert ours.cycles == tiles * gemm.k + ours.fill_drain + ours.memory
    assert ours.cycles == predicted.cycles.elapsed == max(event.done for event in predicted.timeline)
    assert predicted.actions.macs == gemm.macs == ours.bound * arch.array.pes


@pytest.mark.parametrize("array", SIDES)
def test_every_difference_is_explained(gemm_cycles: ModuleType, gemm: Any, array: str) -> None:
    mine, slow, output_stationary, weight_stationary = gemm_cycles.counts(gemm, array)
    folds = ceil(gemm.m / SIDES[array]) * ceil(gemm.n / SIDES[array])
    edges = mine.fill_drain + mine.memory
    explained = mine.padding - output_stationary.padding + edges - folds * (2 * SIDES[array] - 2)
    assert mine.cycles - output_stationary.cycles == explained
    folds = ceil(gemm.k / SIDES[array]) * ceil(gemm.n / SIDES[array])
    explained = mine.padding - weight_stationary.padding + edges - folds * (3 * SIDES[array] - 2)
    assert mine.cycles - weight_stationary.cycles == explained
    assert slow.cycles - mine.cycles == slow.memory - mine.memory


def test_the_document_shows_what_the_script_prints(
    gemm_cycles: ModuleType, shown: Callable[[str, str, str], None]
) -> None:
    shown("cost-model.md", "python benchmarks/gemm_cycles.py", gemm_cycles.report())
