"""Zoo models on the way through the passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vitaccel.arch import Arch
from vitaccel.frontend import ImportedModel
from vitaccel.ir.graph import Graph
from vitaccel.ir.plan import Plan
from vitaccel.ir.program import Program
from vitaccel.passes.allocate import Allocate
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision
from vitaccel.passes.schedule import Schedule
from vitaccel.passes.tile import Tile

MICRO: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("vit-micro", {}),
    "vit-mean": ("vit-micro", {"cls": False, "registers": 2}),
    "vit-batch": ("vit-micro", {"batch": 3}),
    "deit-distilled": ("deit-micro", {"distilled_head": True}),
    "deit-distilled-batch": ("deit-micro", {"distilled_head": True, "batch": 2}),
    "lookupvit": ("lookupvit-micro", {}),
    "lookupvit-pre": ("lookupvit-micro", {"reuse": "pre_softmax_T"}),
    "lookupvit-mean": ("lookupvit-micro", {"reuse": "head_mean_T"}),
    "lookupvit-matmul-batch": ("lookupvit-micro", {"resample": "matmul", "batch": 2}),
    "m3vit": ("m3vit-micro", {}),
    "m3vit-task": ("m3vit-micro", {"task_input": True}),
    "vmoe": ("vmoe-micro", {}),
    "vmoe-batch": ("vmoe-micro", {"batch": 2}),
    "hybrid": ("hybrid-micro", {}),
    "hybrid-batch": ("hybrid-micro", {"batch": 2}),
}
"""Micro models by a short name: zoo name and options."""


@pytest.fixture(scope="session")
def graph_of(imported: Callable[..., ImportedModel]) -> Callable[[str], Graph]:
    """Return ``graph_of(short name)``: the imported Graph."""

    def graph(name: str) -> Graph:
        model, options = MICRO[name]
        return imported(model, **options).graph

    return graph


@pytest.fixture(scope="session")
def prepared(graph_of: Callable[[str], Graph]) -> Callable[[str], Graph]:
    """Return ``prepared(short name)``: the Graph as the ``tile`` pass gets it."""
    graphs: dict[str, Graph] = {}

    def prepare(name: str) -> Graph:
        if name not in graphs:
            graphs[name] = front(graph_of(name))
        return graphs[name]

    return prepare


def front(graph: Graph) -> Graph:
    for each in (Canonicalize(), Fuse(), Label(), Precision()):
        graph = each.run(graph)
    return graph


@pytest.fixture(scope="session")
def lower(prepared: Callable[[str], Graph]) -> Callable[..., tuple[Plan, Program]]:
    """Return ``lower(short name or Graph, arch)``: the allocated Plan and the Program."""

    def run(model: str | Graph, arch: Arch) -> tuple[Plan, Program]:
        graph = prepared(model) if isinstance(model, str) else front(model)
        plan = Allocate().run(Tile(arch=arch).run(graph))
        return plan, Schedule().run(plan)

    return run


def machine_with(pe: str = "64", activation_bytes: int = 1 << 20, weight_bytes: int = 1 << 17, **settings: str) -> Arch:
    """Return the default machine with another array and other buffers."""
    sizes = {"buffers.activation_bytes": str(activation_bytes), "buffers.weight_bytes": str(weight_bytes)}
    return Arch().with_pe(pe).with_settings({**sizes, **{k.replace("__", "."): v for k, v in settings.items()}})


@pytest.fixture(scope="session")
def arch() -> Callable[..., Arch]:
    """Return ``arch(pe, activation_bytes, weight_bytes, part__key=value)``."""
    return machine_with
