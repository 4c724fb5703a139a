"""Decisions of the compiler, each beside what it was chosen over: ``python benchmarks/decisions.py``.

Prints what ``docs/cost-model.md`` shows; a test compares the two. M3ViT-Tiny and ViT-B are exported to ``build/models``
first if they are not there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from vitaccel.arch import Arch, load_preset
from vitaccel.backends.cost_model.predict import ModelFacts, predict
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.frontend import ImportedModel, import_model
from vitaccel.ir.plan import Plan
from vitaccel.ir.verify import verify_program
from vitaccel.passes.allocate import Allocate
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.emission import matmul
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision
from vitaccel.passes.schedule import Schedule
from vitaccel.passes.tile import Tile

MOE, PLAIN = "m3vit-tiny", "vit-base"
ROW_GROUPS = (1, 2, 4, 8, 16)
"""8 is what :class:`~vitaccel.passes.schedule.Schedule` takes."""


@dataclass(frozen=True)
class Row:
    """One choice and what it costs."""

    choice: str
    prediction: Prediction

    def __str__(self) -> str:
        p = self.prediction
        waits = f"{p.cycles.load:>11,}{p.cycles.vector:>11,}{p.cycles.drain + p.cycles.store:>11,}"
        return (
            f"  {self.choice:30}{p.cycles.elapsed:>12,}{p.latency_s * 1e3:>9.3f}{p.cycles.array:>12,}{waits}"
            f"{p.traffic.total_bytes / 1e6:>9.2f}"
        )


HEADING = f"{'':32}{'cycles':>12}{'ms':>9}{'array':>12}{'wait: DRAM':>11}{'lanes':>11}{'drain':>11}{'DRAM MB':>9}"


def plan_for(model: ImportedModel, arch: Arch) -> Plan:
    """All passes before ``schedule``."""
    graph = model.graph
    for graph_pass in (
        Canonicalize(),
        Fuse(),
        Label(),
        Precision(logit_fraction_bits=arch.numerics.logit_fraction_bits),
    ):
        graph = graph_pass.run(graph)
    return Allocate().run(Tile(arch=arch).run(graph))


def predicted(model: ImportedModel, arch: Arch, *, row_groups: int = 0, routing: str = "uniform") -> Prediction:
    """The prediction, with another number of row groups if one is given."""
    schedule = Schedule(row_groups=row_groups) if row_groups else Schedule()
    program = schedule.run(plan_for(model, arch))
    verify_program(program, after=schedule.name)
    facts = ModelFacts(
        dict(model.input_shapes), model.graph.parameters, model.graph.total_macs_dense, model.macs_exported
    )
    return predict(program, facts, Routing(routing))


def expert_order(model: ImportedModel, arch: Arch) -> Iterator[Row]:
    """``moe.order``: experts 0 to E-1, whose weights load ahead of the routing, or longest queue first."""
    for routing in ("uniform", "worst"):
        for order in ("static", "longest"):
            machine = arch.with_settings({"moe.order": order})
            yield Row(f"{order}, {routing} routing", predicted(model, machine, routing=routing))


def row_groups(model: ImportedModel, arch: Arch) -> Iterator[Row]:
    """In how many pieces a matmul hands its rows to LayerNorm and back."""
    for pieces in ROW_GROUPS:
        yield Row(f"row_groups={pieces}", predicted(model, arch, row_groups=pieces))


def loop_order(model: ImportedModel, arch: Arch) -> Iterator[Row]:
    """What is outermost when rows stream from DRAM: rows, weights, or for each layer what moves fewer bytes."""
    choices = {"fewer bytes (what we do)": None, "rows outermost": True, "weights outermost": False}
    for choice, always in choices.items():
        if always is None:
            yield Row(choice, predicted(model, arch))
            continue
        with mock.patch.object(matmul, "_rows_outermost", lambda *_, answer=always: answer):
            yield Row(choice, predicted(model, arch))


def report(moe: ImportedModel, plain: ImportedModel) -> str:
    """All comparisons."""
    zcu102, u280, small = load_preset("zcu102"), load_preset("u280"), load_preset("default").with_pe("16x16")
    sections = (
        (f"moe.order: {MOE} on zcu102", expert_order(moe, zcu102)),
        (f"row groups: {PLAIN} on u280", row_groups(plain, u280)),
        (f"row groups: {PLAIN} on zcu102", row_groups(plain, zcu102)),
        (f"loop order: {PLAIN} on default, 16x16 PEs", loop_order(plain, small)),
    )
    lines = [HEADING]
    for title, rows in sections:
        lines += [title, *(str(row) for row in rows)]
    return "\n".join(lines) + "\n"


def imported(name: str, folder: Path) -> ImportedModel:
    """A zoo model, exported if its file is not there."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        from vitaccel import zoo

        print(f"exporting {name}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        zoo.export(name, path)
    return import_model(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, default=Path("build/models"), help="where the ONNX files are or go")
    folder = parser.parse_args().models
    print(report(imported(MOE, folder), imported(PLAIN, folder)), end="")


if __name__ == "__main__":
    main()
