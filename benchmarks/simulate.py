"""How long a prediction takes, and how much memory, on one core: ``python benchmarks/simulate.py``.

Every run is a fresh process on one core. It is timed from the loaded ONNX file (structure parsed, weights mapped in,
not read) to the finished text of the report; loading stands in a column of its own. Wall time counts what else the
machine does, CPU time does not. Models that are not in ``build/models`` are exported first, which takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vitaccel.arch import Arch, load_preset

NAME_WIDTH = 61


@dataclass(frozen=True)
class Case:
    """A zoo model with options, on a machine."""

    model: str
    options: tuple[str, ...] = ()
    preset: str = "default"
    pe: str = "64"
    settings: tuple[str, ...] = ()

    @property
    def machine(self) -> Arch:
        """The machine of the case."""
        arch = load_preset(self.preset)
        arch = arch.with_pe(self.pe) if self.pe else arch
        return arch.with_settings(dict(setting.split("=", 1) for setting in self.settings))

    @property
    def stem(self) -> str:
        """File name without its suffix; one file a model and set of options."""
        return ".".join((self.model, *self.options))


SECTIONS = {
    "models": [
        *(Case(model) for model in ("vit-tiny", "vit-small", "vit-base", "lookupvit-base", "m3vit-small")),
    ],
    "ViT-B on more PEs": [
        Case("vit-base", pe="16x16"),
        Case("vit-base", pe="32x32"),
        Case("vit-base", preset="zcu102", pe=""),
    ],
    "layers": [Case("vit-tiny", (f"depth={depth}",)) for depth in (6, 12, 24, 48)],
    "MACs": [
        Case(model, options, preset="u280", pe="")
        for model, options in (
            ("vit-tiny", ()),
            ("vit-tiny", ("image_size=384",)),
            ("vit-small", ()),
            ("vit-small", ("image_size=384",)),
            ("vit-base", ()),
        )
    ],
}
"""The machine of the last section holds every activation on chip, so that nothing but the MACs changes."""


@dataclass(frozen=True)
class Measured:
    """One process: wall seconds of each stage, and bytes.

    Parameters
    ----------
    load_s
        The file: structure parsed, weights mapped in.
    import_s, compile_s, predict_s, report_s
        The stages after it.
    cpu_s
        CPU time of the stages after loading.
    base_bytes, peak_bytes
        Resident memory before the file is opened, and at most; mapped weights count once they have been looked at.
    cores
        Cores the process may use.
    """

    load_s: float
    import_s: float
    compile_s: float
    predict_s: float
    report_s: float
    cpu_s: float
    base_bytes: int
    peak_bytes: int
    instructions: int
    macs: int
    cycles: int
    cores: int

    @property
    def total_s(self) -> float:
        """From the loaded ONNX to the report."""
        return self.import_s + self.compile_s + self.predict_s + self.report_s


def measure(path: Path, arch: Arch) -> Measured:
    """Measure this very process; it should have done nothing else before."""
    from vitaccel import compiler
    from vitaccel.report.table import plain
    from vitaccel.report.text import tables

    base = _resident_bytes("VmRSS")
    wall: dict[str, float] = {}
    cpu: dict[str, float] = {}

    def mark(step: str) -> None:
        wall[step], cpu[step] = time.perf_counter(), time.process_time()

    compiled = compiler.compile_model(path, arch, progress=mark)
    mark("predict")
    prediction = compiler.predict_compiled(compiled)
    mark("report")
    text = "\n".join(plain(table) for table in tables(prediction))
    mark("end")
    assert text
    return Measured(
        load_s=wall["normalize"] - wall["load"],
        import_s=wall["compiling"] - wall["normalize"],
        compile_s=wall["predict"] - wall["compiling"],
        predict_s=wall["report"] - wall["predict"],
        report_s=wall["end"] - wall["report"],
        cpu_s=cpu["end"] - cpu["normalize"],
        base_bytes=base,
        peak_bytes=_resident_bytes("VmHWM"),
        instructions=prediction.instructions,
        macs=prediction.actions.macs,
        cycles=prediction.cycles.elapsed,
        cores=len(os.sched_getaffinity(0)),
    )


def _resident_bytes(key: str) -> int:
    """Of this program alone: what ``getrusage`` says includes the parent's pages before ``exec``."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith(f"{key}:"))


def in_fresh_process(path: Path, case: Case) -> Measured:
    """Measure in a process of its own, which owns one core and one thread."""
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, __file__, "--measure", str(path), "--preset", case.preset, "--pe", case.pe]
    command += [word for setting in case.settings for word in ("--set", setting)]
    ran = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if ran.returncode:
        raise SystemExit(f"{case}: {ran.stderr.strip().splitlines()[-1]}")
    return Measured(**json.loads(ran.stdout))


def exported(case: Case, folder: Path) -> Path:
    """The model's file, exported if it is not there."""
    path = folder / f"{case.stem}.onnx"
    if not path.exists():
        from vitaccel import zoo

        print(f"exporting {case.stem}: this takes minutes", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        zoo.export(case.model, path, **dict(option.split("=", 1) for option in case.options))
    return path


def typical(runs: list[Measured]) -> Measured:
    """The run whose total is the median; of an even number, the faster of the middle two."""
    return sorted(runs, key=lambda run: run.total_s)[(len(runs) - 1) // 2]


def rows(folder: Path, repeat: int, sections: dict[str, list[Case]]) -> Iterator[str]:
    """The table, line by line, as it is measured."""
    yield (
        f"{'seconds':{NAME_WIDTH + 2}}{'GMAC':>8}{'instr.':>8}{'load':>8}{'import':>8}{'compile':>8}{'predict':>8}"
        f"{'report':>8}{'total':>9}{'CPU':>8}{'file MB':>9}{'peak MB':>9}"
    )
    for title, cases in sections.items():
        yield title
        for case in cases:
            path = exported(case, folder)
            run = typical([in_fresh_process(path, case) for _ in range(repeat)])
            yield row(case, run, path.stat().st_size)


def row(case: Case, run: Measured, file_bytes: int) -> str:
    """One line of the table."""
    where = f"--pe {case.pe}" if case.pe else f"--preset {case.preset}"
    name = " ".join((case.model, *case.options, where, *(f"--set {setting}" for setting in case.settings)))
    stages = (run.load_s, run.import_s, run.compile_s, run.predict_s, run.report_s)
    return (
        f"  {name:{NAME_WIDTH}}{run.macs / 1e9:>8.2f}{run.instructions:>8}"
        + "".join(f"{stage:>8.3f}" for stage in stages)
        + f"{run.total_s:>9.3f}{run.cpu_s:>8.3f}{file_bytes / 1e6:>9.0f}{run.peak_bytes / 1e6:>9.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", type=Path, default=Path("build/models"), help="where the ONNX files are or go")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case; the median is shown")
    parser.add_argument("--only", help="sections whose title contains this")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--preset", default="default", help=argparse.SUPPRESS)
    parser.add_argument("--pe", default="", help=argparse.SUPPRESS)
    parser.add_argument("--set", dest="settings", action="append", default=[], help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        case = Case("", preset=flags.preset, pe=flags.pe, settings=tuple(flags.settings))
        print(json.dumps(vars(measure(flags.measure, case.machine))))
        return
    chosen = {title: cases for title, cases in SECTIONS.items() if (flags.only or "") in title}
    for line in rows(flags.models, flags.repeat, chosen):
        print(line, flush=True)


if __name__ == "__main__":
    main()
