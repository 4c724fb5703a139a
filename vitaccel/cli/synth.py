"""``vitaccel synth``: what a generated design takes of a device and how fast it is there, from Yosys and nextpnr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs, write_files
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress, show
from vitaccel.errors import VitaccelError, did_you_mean

if TYPE_CHECKING:
    from vitaccel_rtl.synthesis.implement import Implementation
    from vitaccel_rtl.verilog import Verilog

NETWORK = "vitaccel.sv"
"""What gen-rtl calls the accelerator of a network."""


@click.command(cls=JsonCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--target", metavar="DEVICE", help="ecp5-85k (placed and routed), xcup or xc7 (area only) [ecp5-85k].")
@click.option("--seeds", metavar="S,S,...", default="1", help="Of the placer; the fastest counts. 0 is area only [1].")
@click.option("--frequency", type=click.FloatRange(min=1), metavar="MHZ", help="What placement strives for [150].")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Levels of blocks to show [2].")
@json_option
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a report for people.")
@debug_option
def synth(folder: Path, json_path: str | None, html: Path | None, **flags: Any) -> None:
    """Synthesise the design in DIR, which gen-rtl wrote: area by block and, for ECP5, frequency and slowest path."""
    files = [*json_files(json_path), *([html] if html is not None else [])]
    check_outputs(files)
    made = _implement(design_in(folder), flags)
    _write(made, json_path, html, flags["depth"])
    if made.missing:
        raise VitaccelError(f"{made.name} must fit {made.device.title}, and takes {', '.join(made.missing)}")


def design_in(folder: Path) -> Verilog:
    """Return the design that gen-rtl wrote to a directory: the accelerator of a network, or the one block there.

    Raises
    ------
    VitaccelError
        If there is none, or more than one.
    """
    from vitaccel_rtl.ports import ports_of
    from vitaccel_rtl.verilog import Verilog

    if not folder.is_dir():
        raise VitaccelError(f"{folder} must be a directory that vitaccel gen-rtl wrote")
    found = [folder / NETWORK] if (folder / NETWORK).is_file() else sorted(folder.glob("*.sv"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise VitaccelError(f"{folder} must have one design, a .sv file that vitaccel gen-rtl wrote, not {names}")
    (path,) = found
    try:
        text = path.read_text(encoding="utf-8")
        return Verilog(name=path.stem, text=text, ports=ports_of(text, path.stem))
    except ValueError as error:
        raise VitaccelError(f"{path} must be what vitaccel gen-rtl wrote: {error}") from error


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of ``1,2,3``; none for ``0``.

    Raises
    ------
    VitaccelError
        If it is no list of positive integers.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words) or (len(words) > 1 and "0" in words):
        raise VitaccelError(f"--seeds must be numbers such as 1,2,3, or 0 for none, not {text!r}")
    return tuple(dict.fromkeys(int(word) for word in words if int(word)))


def _implement(design: Verilog, flags: dict[str, Any]) -> Implementation:
    from vitaccel_rtl.synthesis.builds import SynthesisError
    from vitaccel_rtl.synthesis.devices import DEVICES
    from vitaccel_rtl.synthesis.implement import WANTED_MHZ, implement

    target = flags["target"] or next(iter(DEVICES))
    if target not in DEVICES:
        known = ", ".join(DEVICES)
        raise VitaccelError(f"--target must be one of {known}, not {target!r}{did_you_mean(target, DEVICES)}")
    seeds = parse_seeds(flags["seeds"])
    with progress(f"{design.name} on {DEVICES[target].title}") as say:
        try:
            return implement(design, DEVICES[target], seeds=seeds, wanted_mhz=flags["frequency"] or WANTED_MHZ, say=say)
        except (SynthesisError, ValueError) as error:
            raise VitaccelError(str(error)) from error


def _write(made: Implementation, json_path: str | None, html: Path | None, depth: int | None) -> None:
    """Render everything, then write all the files: a failure leaves none."""
    from vitaccel.report.json_record import to_json
    from vitaccel.report.synthesis_record import synthesis_record
    from vitaccel.report.synthesis_tables import DEPTH, synthesis_tables

    tables = synthesis_tables(made, depth=depth or DEPTH)
    printed = to_json(synthesis_record(made))
    texts = dict.fromkeys(json_files(json_path), printed)
    if html is not None:
        from vitaccel.report.html.synthesis import synthesis_page

        texts[html] = synthesis_page(made, tables)
    write_files({path: text.encode() for path, text in texts.items()})
    for path in texts:
        note(f"wrote {path}")
    for stage in made.stages:
        note(f"{stage.name}: {stage.seconds:.1f} s")
    if json_path == STANDARD_OUTPUT:
        click.echo(printed, nl=False)
    else:
        show(tables)
