"""Where the cycles of all PEs go, and what a second pass of LayerNorms costs: ``python benchmarks/utilization.py``.

Prints what ``docs/cost-model.md`` and ``docs/accelerator.md`` show; tests compare. Models are exported to
``build/models`` first if they are not there. Nothing runs: cycles are exact predictions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vitaccel import zoo
from vitaccel.arch import Arch, load_preset
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.program_cycles import program_cycles
from vitaccel.backends.rtl.program_file import ProgramFile
from vitaccel.compiler import compile_model, predict_compiled
from vitaccel.report.units import percent
from vitaccel.report.utilization import MAC_SLOT_WORDS
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS

ITEMIZED = (("deit-tiny", "16x16"), ("vit-base", "16x16"))
"""Models and machines of the first table."""

NORMALIZED = (
    ("deit-tiny", "16x16"),
    ("vit-base", "16x16"),
    ("lookupvit-tiny", "16x16"),
    ("vit-micro", "8x8"),
    ("lookupvit-micro", "8x8"),
    ("m3vit-micro", "8x8"),
)
"""Models and machines of the second."""


def machine(pe: str) -> Arch:
    """Return the default machine, whose bus has 128 bits, with other PEs."""
    return load_preset("default").with_pe(pe)


def itemized(names: Sequence[str], predictions: Sequence[Prediction]) -> Iterator[str]:
    """Return the lines of a table: of all cycles of all PEs, the share of every part, a column a prediction."""
    yield f"{'':22}" + "".join(f"{name:>16}" for name in names)
    yield f"{'':22}" + "".join(f"{p.arch.array!s:>16}" for p in predictions)
    for part, (words, _) in MAC_SLOT_WORDS.items():
        shares = (getattr(p.slots, part) / p.slots.all for p in predictions)
        yield f"  {words:20}" + "".join(f"{percent(share, 2):>16}" for share in shares)
    yield f"{'cycles':22}" + "".join(f"{p.cycles.elapsed:>16,}" for p in predictions)


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What the second pass of LayerNorms costs a network.

    Parameters
    ----------
    model, pe
        On which machine.
    waiting
        Cycles in which the array waits for LayerNorms.
    cycles, once
        Of the run; and if LayerNorms took their rows once, as other streams do, with nothing to wait for first.
    """

    model: str
    pe: str
    waiting: int
    cycles: int
    once: int

    def __str__(self) -> str:
        saved = self.cycles - self.once
        name = f"{self.model} {self.pe}"
        return (
            f"  {name:24}{self.cycles:>14,}{self.waiting:>16,}{self.once:>16,}{saved:>11,}"
            f"{percent(saved / self.cycles, 2):>9}"
        )


PASS_HEADING = f"{'':26}{'cycles':>14}{'LayerNorm waits':>16}{'rows taken once':>16}{'saved':>11}{'of all':>9}"


def second_pass(model: str, pe: str, path: Path) -> Pass:
    """Return what the second pass of its LayerNorms costs a model."""
    compiled = compile_model(path, machine(pe))
    prediction = predict_compiled(compiled)
    program, memory = assemble(compiled.program), compiled.program.arch.memory
    queues = Routing().route_queues(compiled.program)
    once = program_cycles(taken_once(program), memory, latency_cycles=memory.latency_cycles, queues=queues).cycles
    waiting = prediction.slots.layernorm // prediction.arch.array.pes
    return Pass(model=model, pe=pe, waiting=waiting, cycles=prediction.cycles.elapsed, once=once)


def taken_once(program: ProgramFile) -> ProgramFile:
    """Return a program with the times of one in which LayerNorms take their rows once: as conversions of them."""
    layernorm, convert = (LANE_FUNCTIONS.index(name) for name in ("layernorm", "convert"))
    return replace(
        program,
        instructions=tuple(
            replace(each, fields={**each.fields, "function": convert})
            if each.operation == "lane" and each.fields.get("function", 0) == layernorm
            else each
            for each in program.instructions
        ),
    )


def exported(name: str, folder: Path) -> Path:
    """Return the file of a model, which is made if it is not there."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        print(f"exporting {name}", file=sys.stderr)
        path.parent.mkdir(parents=True, exist_ok=True)
        zoo.export(name, path, exporter="legacy")
    return path


def itemized_report(folder: Path, cases: Sequence[tuple[str, str]] = ITEMIZED) -> str:
    """Return the first table."""
    predictions = [predict_compiled(compile_model(exported(name, folder), machine(pe))) for name, pe in cases]
    return "\n".join(itemized([name for name, _ in cases], predictions)) + "\n"


def layernorm_report(folder: Path, cases: Sequence[tuple[str, str]] = NORMALIZED) -> str:
    """Return the second table."""
    rows = (str(second_pass(name, pe, exported(name, folder))) for name, pe in cases)
    return "\n".join((PASS_HEADING, *rows)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("build/models"), help="where the ONNX files are or go")
    parser.add_argument("--layernorm", action="store_true", help="what the second pass of LayerNorms costs")
    options = parser.parse_args()
    report = layernorm_report if options.layernorm else itemized_report
    print(report(options.models), end="")


if __name__ == "__main__":
    main()
