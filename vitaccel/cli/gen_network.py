"""``vitaccel gen-rtl MODEL``: a network on its accelerator, as a directory that an engineer can pick up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitaccel.cli.files import check_outputs
from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.cli.json_option import json_files, put_json
from vitaccel.cli.machines import machines, stated_keys
from vitaccel.cli.quantized_source import golden_images, note_calibration, quantized_model
from vitaccel.cli.terminal import note, progress
from vitaccel.errors import OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION, arch_record

if TYPE_CHECKING:
    from vitaccel_sim.delivery.network.deliver import Network


def generate_network(model: str, flags: Mapping[str, Any], output: Path | None, json_path: str | None) -> None:
    """Write the directory, and say what was written.

    Parameters
    ----------
    model
        A ``.onnx`` file, in float or quantized, or a name of the zoo.
    flags
        Of the command: ``pe``, ``preset``, ``arch_file``, ``settings``, ``inputs``, ``images``.
    output, json_path
        The directory; where the record goes.

    Raises
    ------
    VitaccelError
        If the machine or the model is refused, or something cannot be written.
    """
    if output is None:
        raise OutputError(f"an output directory must be given, as in vitaccel gen-rtl {model} --pe 64 -o build/")
    archs = machines(**{key: flags[key] for key in ("pe", "preset", "arch_file", "settings")})
    if len(archs) > 1:
        raise VitaccelError(f"--pe must name one machine to generate, not {flags['pe']}")
    sources = [path for path in (Path(model), flags["inputs"]) if path is not None]
    check_outputs(json_files(json_path), inputs=sources)
    check_folder(output)
    from vitaccel.backends.rtl.assemble import machine_parameters
    from vitaccel_sim.delivery.network.deliver import deliver_network
    from vitaccel_sim.delivery.network.readme import NETWORK_MARK, README

    machine_parameters(archs[0])
    with progress(f"generating {model}") as say:
        onnx, subject, calibration = quantized_model(model, say)
        made = deliver_network(
            onnx,
            subject.name,
            archs[0],
            lambda graph: golden_images(graph, subject, flags["inputs"], flags["images"]),
            said=stated_keys(flags["arch_file"], flags["settings"]),
            say=say,
        )
        say("write")
        written = write_folder(output, made.files, mark=NETWORK_MARK, index=README)
    if json_path is not None:
        put_json(_record(made, calibration, output, written), json_path)
    if calibration is not None:
        note_calibration(model, calibration)
    _tell(made, output, written)


def _record(made: Network, calibration: str | None, output: Path, written: tuple[Path, ...]) -> dict[str, Any]:
    files = [{"name": path.name, "bytes": path.stat().st_size} for path in written]
    return {
        "schema_version": SCHEMA_VERSION,
        **made.record(),
        "calibration": calibration,
        "arch": arch_record(made.model.arch),
        "directory": str(output),
        "files": files,
    }


def _tell(made: Network, output: Path, written: tuple[Path, ...]) -> None:
    speed = f", {made.cycles:,} cycles a run, {made.utilization:.1%} utilization"
    note(f"wrote {len(written)} files in {output}: {made.instructions:,} instructions{speed}; README.md says the rest")
