"""What the commands that write a network as a directory share: what is refused before any work, and the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vitaccel.cli.files import check_outputs
from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.cli.json_option import json_files, put_json
from vitaccel.cli.machines import machines, stated_keys
from vitaccel.cli.quantized_source import golden_images, note_calibration, quantized_model
from vitaccel.cli.terminal import progress
from vitaccel.errors import UnsupportedError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION, arch_record

if TYPE_CHECKING:
    from vitaccel.arch import Arch
    from vitaccel.execution import IntegerModel


class Delivery(Protocol):
    """A network with all that is written of it."""

    @property
    def model(self) -> IntegerModel:
        """The network."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Contents by file name."""

    def record(self) -> dict[str, Any]:
        """Return what was made as JSON types."""


Made = TypeVar("Made", bound=Delivery)


def one_machine(model: str, flags: Mapping[str, Any], output: Path, json_path: str | None) -> Arch:
    """Return the machine, and see that everything can be written.

    Parameters
    ----------
    model
        A file, or a name of the zoo.
    flags
        Of the command: ``pe``, ``preset``, ``arch_file``, ``settings``, ``inputs``, ``images``.
    output, json_path
        The directory; where the record goes.

    Raises
    ------
    VitaccelError
        If there are several machines, or several memory ports, or something cannot be written.
    """
    archs = machines(**{key: flags[key] for key in ("pe", "preset", "arch_file", "settings")})
    if len(archs) > 1:
        raise VitaccelError(f"--pe must name one machine to generate, not {flags['pe']}")
    # Only the cost model knows several; what is predicted of them would not be of what is generated.
    if (ports := archs[0].memory.ports) != 1:
        raise UnsupportedError(f"memory.ports must be 1, as the generated accelerator has one port, not {ports}")
    sources = [path for path in (Path(model), flags["inputs"]) if path is not None]
    check_outputs(json_files(json_path), inputs=sources)
    check_folder(output)
    return archs[0]


def write_network(
    model: str,
    flags: Mapping[str, Any],
    arch: Arch,
    deliver: Callable[..., Made],
    output: Path,
    json_path: str | None,
    *,
    mark: str,
    index: str,
) -> tuple[Made, tuple[Path, ...]]:
    """Write the directory and the record; return what was made, and the files.

    Parameters
    ----------
    model, flags, output, json_path
        As for :func:`one_machine`.
    arch
        The machine.
    deliver
        Makes the network of the quantized file, its name, the machine and what makes golden images.
    mark, index
        As for :func:`vitaccel.cli.folder.write_folder`.

    Raises
    ------
    VitaccelError
        If the model is refused, or something cannot be written.
    """
    with progress(f"generating {model}") as say:
        onnx, subject, calibration = quantized_model(model, say)
        made = deliver(
            onnx,
            subject.name,
            arch,
            lambda graph: golden_images(graph, subject, flags["inputs"], flags["images"]),
            said=stated_keys(flags["arch_file"], flags["settings"]),
            say=say,
        )
        say("write")
        written = write_folder(output, made.files, mark=mark, index=index)
    if json_path is not None:
        record = {
            "schema_version": SCHEMA_VERSION,
            **made.record(),
            "calibration": calibration,
            "arch": arch_record(made.model.arch),
            "directory": str(output),
            "files": [{"name": p.relative_to(output).as_posix(), "bytes": p.stat().st_size} for p in written],
        }
        put_json(record, json_path)
    if calibration is not None:
        note_calibration(model, calibration)
    return made, written
