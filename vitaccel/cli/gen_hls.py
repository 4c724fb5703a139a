"""``vitaccel gen-hls``: a network with its accelerator as C++ for HLS tools, and for any compiler."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs
from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.cli.json_option import JsonCommand, json_files, json_option, put_json
from vitaccel.cli.machines import machine_options, machines, stated_keys
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.quantized_source import golden_images, note_calibration, quantized_model
from vitaccel.cli.terminal import note, progress
from vitaccel.errors import VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION, arch_record

if TYPE_CHECKING:
    from vitaccel_sim.delivery.hls.deliver import HlsNetwork

NEEDED = (("amaranth", "Amaranth", "rtl"), ("torch", "PyTorch", "torch"))
"""Module, what people call it, and the extra of vitaccel that installs it."""


@click.command("gen-hls", cls=JsonCommand)
@click.argument("model", metavar="MODEL")
@machine_options
@click.option("--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Golden images (default: digits of "
              "a model that was trained on them, else seeded noise).")  # fmt: skip
@click.option("--images", type=click.IntRange(min=1), metavar="N", help="Golden images [4].")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", required=True, help="The directory to "
              "write to.")  # fmt: skip
@json_option
@debug_option
def gen_hls(
    model: str, *, output: Path, json_path: str | None, inputs: Path | None, images: int | None, **flags: Any
) -> None:
    """Write MODEL with its accelerator as C++: vitaccel gen-hls model.onnx --pe 64 -o build_hls/.

    MODEL is a .onnx file, or a model of the zoo by its name; a float model is quantized with default calibration.
    """
    archs = machines(**flags)
    if len(archs) > 1:
        raise VitaccelError(f"--pe must name one machine to generate, not {flags['pe']}")
    sources = [path for path in (Path(model), inputs) if path is not None]
    check_outputs(json_files(json_path), inputs=sources)
    check_folder(output)
    _need()
    from vitaccel_sim.delivery.hls.deliver import check_machine, deliver_hls
    from vitaccel_sim.delivery.hls.readme import HLS_MARK, README

    check_machine(archs[0])
    with progress(f"generating {model}") as say:
        onnx, subject, calibration = quantized_model(model, say)
        made = deliver_hls(
            onnx,
            subject.name,
            archs[0],
            lambda graph: golden_images(graph, subject, inputs, images),
            said=stated_keys(flags["arch_file"], flags["settings"]),
            say=say,
        )
        say("write")
        written = write_folder(output, made.files, mark=HLS_MARK, index=README)
    if json_path is not None:
        put_json(_record(made, calibration, output, written), json_path)
    if calibration is not None:
        note_calibration(model, calibration)
    note(f"wrote {len(written)} files in {output}: {made.instructions:,} instructions; make -C {output} runs them")


def _record(made: HlsNetwork, calibration: str | None, output: Path, written: tuple[Path, ...]) -> dict[str, Any]:
    files = [{"name": path.relative_to(output).as_posix(), "bytes": path.stat().st_size} for path in written]
    return {
        "schema_version": SCHEMA_VERSION,
        **made.record(),
        "calibration": calibration,
        "arch": arch_record(made.assembled.model.arch),
        "directory": str(output),
        "files": files,
    }


def _need() -> None:
    for module, name, extra in NEEDED:
        if importlib.util.find_spec(module) is None:
            raise VitaccelError(f"gen-hls needs {name}: pip install 'vitaccel[{extra}]'")
