"""Where the cycles of all PEs go, and what moments at the drain save: ``python benchmarks/utilization.py``.

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
from vitaccel.compiler import compile_model, predict_compiled
from vitaccel.ir.program import Lane
from vitaccel.report.units import percent
from vitaccel.report.utilization import MAC_SLOT_WORDS
from vitaccel_rtl.accelerator.vector_pace import LAYERNORM

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
class Drained:
    """What it saves a network that moments are taken as rows drain.

    Parameters
    ----------
    model, pe
        On which machine.
    norms, drained
        Instructions of LayerNorms, and those whose rows' moments were taken before.
    twice, once
        Cycles on a machine that takes no moments, where LayerNorms stream all rows twice; and on one that does.
    """

    model: str
    pe: str
    norms: int
    drained: int
    twice: int
    once: int

    def __str__(self) -> str:
        saved = self.twice - self.once
        name = f"{self.model} {self.pe}"
        return (
            f"  {name:24}{self.norms:>12,}{self.drained:>9,}{self.twice:>16,}{self.once:>16,}{saved:>11,}"
            f"{percent(saved / self.twice, 2):>9}"
        )


DRAINED_HEADING = f"{'':26}{'LayerNorms':>12}{'drained':>9}{'rows twice':>16}{'cycles':>16}{'saved':>11}{'of all':>9}"


def drained(model: str, pe: str, path: Path) -> Drained:
    """Return what moments at the drain save a model."""
    with_moments = machine(pe)
    without = replace(with_moments, buffers=replace(with_moments.buffers, moment_blocks=0))
    compiled = compile_model(path, with_moments)
    norms = [each for each in compiled.program.instructions if isinstance(each, Lane) and each.function == LAYERNORM]
    cycles = [predict_compiled(each).cycles.elapsed for each in (compile_model(path, without), compiled)]
    return Drained(
        model=model,
        pe=pe,
        norms=len(norms),
        drained=sum(each.moments >= 0 for each in norms),
        twice=cycles[0],
        once=cycles[1],
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
    rows = (str(drained(name, pe, exported(name, folder))) for name, pe in cases)
    return "\n".join((DRAINED_HEADING, *rows)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("build/models"), help="where the ONNX files are or go")
    parser.add_argument("--layernorm", action="store_true", help="what moments at the drain save")
    options = parser.parse_args()
    report = layernorm_report if options.layernorm else itemized_report
    print(report(options.models), end="")


if __name__ == "__main__":
    main()
