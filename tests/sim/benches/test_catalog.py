"""Every block has either traffic or a bench of its own, tried at five points or more, and told without cocotb."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel_rtl import latency
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.point_runs import parameters_of
from vitaccel_sim.traffic.catalog import TRAFFIC

LEAST_POINTS = 5

FORMULAS: Mapping[str, Callable[[Any, Mapping[str, int]], tuple[Any, Any]]] = {
    "arbiter": lambda component, _: (component.latency_cycles, latency.ARBITER),
    "router": lambda component, _: (component.latency_cycles, latency.ROUTER),
    "registers": lambda component, _: (
        (component.read_latency_cycles, component.write_latency_cycles),
        (latency.REGISTERS_READ, latency.REGISTERS_WRITE),
    ),
    "buffer": lambda component, _: (component.latency_cycles, latency.BUFFER_READ),
    "expert-queues": lambda component, point: (component.ready_cycles, latency.queues_ready(point["experts"])),
    "gather": lambda component, point: (component.latency_cycles, latency.gather(point["side"])),
    "scatter-add": lambda component, point: (
        component.latency_cycles,
        latency.scatter_add(point["side"], point["side"]),
    ),
}
"""What a component declares, and what the cost model reads. Its bench measures it: tests called ``declared_...``."""

CYCLES_OF_A_JOB = {
    "expert-router": "tests/rtl/test_expert_router.py",
    "dma-read": "tests/backends/cost_model/test_transfers.py",
    "dma-write": "tests/backends/cost_model/test_transfers.py",
}
"""Blocks whose cycles depend on the job, and where the three sources of those are compared."""


def test_every_block_has_a_bench_or_traffic_and_not_both() -> None:
    assert list(BENCHES) == [name for name in BLOCKS if name not in TRAFFIC]
    assert all(bench.block == name for name, bench in BENCHES.items())


@pytest.mark.parametrize("name", BENCHES)
def test_points_are_five_or_more_and_take_every_option_to_two_values_or_more(name: str) -> None:
    points = BENCHES[name].points
    assert len({tuple(sorted(point.items())) for point in points}) >= LEAST_POINTS
    for option in block(name).options:
        assert len({point[option.name] for point in points}) >= 2, option.name
    for point in points:
        assert block(name).choose(point) == point, "a point must say every option"


def test_cycles_of_every_block_are_compared() -> None:
    assert set(FORMULAS) | set(CYCLES_OF_A_JOB) == set(BENCHES)
    assert all((Path(__file__).parents[3] / path).exists() for path in CYCLES_OF_A_JOB.values())


@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_declared_and_measured_is_what_the_cost_model_reads(name: str) -> None:
    for point in BENCHES[name].points:
        declared, read = FORMULAS[name](block(name).component(**point), point)
        assert declared == read
    bench = importlib.util.find_spec(BENCHES[name].module)
    assert bench is not None
    assert bench.origin is not None
    assert "async def declared_" in Path(bench.origin).read_text()


@pytest.mark.parametrize("name", BENCHES)
def test_parameters_are_json_and_those_of_the_seed(name: str, seed: int) -> None:
    first, again, other = (parameters_of(name, 1, chosen) for chosen in (seed, seed, seed + 1))
    assert json.loads(json.dumps(first)) == json.loads(json.dumps(again))
    assert (first == other) == BENCHES[name].draws_words


@pytest.mark.parametrize("module", sorted({bench.module for bench in BENCHES.values()}))
def test_a_bench_has_tests_and_bins(module: str) -> None:
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    names = {
        target.id
        for node in ast.parse(Path(found.origin).read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "BINS" in names


def test_a_block_is_delivered_without_cocotb() -> None:
    code = (
        "import sys; sys.modules['cocotb'] = None; from vitaccel_sim.delivery.deliver import deliver;"
        f" [deliver(name, {{}}) for name in {['arbiter', 'registers', 'dma-read']}]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
