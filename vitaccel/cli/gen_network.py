"""``vitaccel gen-rtl MODEL``: a network on its accelerator, as a directory that an engineer can pick up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from vitaccel.cli.files import check_outputs
from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.cli.json_option import json_files, put_json
from vitaccel.cli.machines import machines, stated_keys
from vitaccel.cli.terminal import Progress, note, progress
from vitaccel.errors import OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION, arch_record

if TYPE_CHECKING:
    import numpy as np

    from vitaccel.evaluation.subject import Subject
    from vitaccel.ir.graph import Graph
    from vitaccel_sim.delivery.network.deliver import Network

IMAGES = 4
"""Golden images unless another number is asked for."""

GOLDEN_SEED = 0
"""Of golden images where there are no others."""


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
        onnx, subject, calibration = _quantized(model, say)
        made = deliver_network(
            onnx,
            subject.name,
            archs[0],
            lambda graph: _golden(graph, subject, flags),
            said=stated_keys(flags["arch_file"], flags["settings"]),
            say=say,
        )
        say("write")
        written = write_folder(output, made.files, mark=NETWORK_MARK, index=README)
    if json_path is not None:
        put_json(_record(made, calibration, output, written), json_path)
    if calibration is not None:
        source = {"digits": "handwritten digits", "random": "seeded noise"}[calibration]
        note(f"note: {model} is a float model; it was quantized with default calibration, on {source}")
    _tell(made, output, written)


def _quantized(model: str, say: Progress) -> tuple[bytes, Subject, str | None]:
    """Return the quantized model as a file, what was loaded, and of a float model what it was calibrated on."""
    import onnx

    from vitaccel.backends.onnx_qdq import save
    from vitaccel.compiler import quantize_model
    from vitaccel.evaluation.subject import load_subject
    from vitaccel.quantization.source import default_calibration

    subject = load_subject(model, progress=say)
    if subject.quantized:
        # Weights that stand in files of their own come along.
        return onnx.load(model).SerializeToString(deterministic=True), subject, None
    calibration = default_calibration(subject.graph, digits=subject.digits)
    done = quantize_model(subject.graph, calibration, progress=say)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save(done.graph, path, quantization=done.choices.to_json())
        return path.read_bytes(), subject, calibration.source


def _golden(graph: Graph, subject: Subject, flags: Mapping[str, Any]) -> dict[str, np.ndarray]:
    from vitaccel.evaluation.data import random_data, read_data
    from vitaccel.evaluation.subject import digits_data

    count = flags["images"] or IMAGES
    if flags["inputs"] is not None:
        return dict(read_data(graph, flags["inputs"]).first(count).inputs)
    if subject.digits:
        return dict(digits_data(subject, "test").first(count).inputs)
    return dict(random_data(graph, count, seed=GOLDEN_SEED, purpose="golden").inputs)


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
