"""``vitaccel numerics``: what our integer approximations lose, beside the published ones, measured when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitaccel.cli.arrays import read_arrays
from vitaccel.cli.files import check_outputs
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.numerics_record import numerics_record
from vitaccel.cli.numerics_tables import numerics_tables
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress, show
from vitaccel.errors import EXIT_NO, VitaccelError, did_you_mean

if TYPE_CHECKING:
    from vitaccel.reference.certificate.rows import Rows

ALL = "all"
SECTIONS = ("softmax", "gelu", "layernorm", "primitives")
"""What ``--section`` takes beside ``all``."""


@click.command(cls=JsonCommand)
@click.option(
    "--section", default=ALL, show_default=True, metavar="NAME", help=f"{', '.join(SECTIONS)}, or all of them."
)
@click.option(
    "--logits",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recorded attention logits (.npz or .npy, [..., keys]) to measure softmax on too; may be repeated.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Chooses the Gaussian rows.")
@json_option
@debug_option
def numerics(section: str, files: tuple[Path, ...], seed: int, json_path: str | None) -> None:
    """Measure our integer softmax, GELU and LayerNorm beside the published ones."""
    known = (*SECTIONS, ALL)
    if section not in known:
        raise VitaccelError(
            f"--section must be one of {', '.join(known)}, not {section!r}{did_you_mean(section, known)}"
        )
    if files and section not in ("softmax", ALL):
        raise VitaccelError(f"--logits must come with --section softmax or all, not {section}")
    check_outputs(json_files(json_path), inputs=files)
    with progress("numerics") as say:
        try:
            from vitaccel.reference.certificate.numerics import measure_numerics
            from vitaccel.reference.certificate.promises import check_promises
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise VitaccelError("numerics needs PyTorch: install it with pip install 'vitaccel[torch]'") from error
        sections = SECTIONS if section == ALL else (section,)
        measured = measure_numerics(sections, recordings(files), seed=seed, progress=say)
    kept = check_promises(measured)
    if json_path is not None:
        put_json(numerics_record(measured, kept), json_path)
    if json_path != STANDARD_OUTPUT:
        show(numerics_tables(measured, kept))
    broken = [one.promise.name for one in kept if not one.holds]
    for name in broken:
        note(f"warning: a promise does not hold: {name}")
    if broken:
        click.get_current_context().exit(EXIT_NO)


def recordings(files: tuple[Path, ...]) -> Mapping[str, tuple[Rows, ...]]:
    """Return the rows of each file by its name.

    Raises
    ------
    VitaccelError
        If a file cannot be read or holds no logits, or two have one name.
    """
    from vitaccel.reference.certificate.recorded import recorded_rows

    found: dict[str, tuple[Rows, ...]] = {}
    for path in files:
        if path.name in found:
            raise VitaccelError(f"--logits must name files of different names, not {path.name} twice")
        found[path.name] = recorded_rows({name or path.name: array for name, array in read_arrays(path, "")})
    return found
