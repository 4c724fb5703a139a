"""``vitaccel synth``: what a generated design takes of a device and how fast it is there, from Yosys and nextpnr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs, write_files
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.synth_design import Subject, board_subject, check_board, design_in, files_in
from vitaccel.cli.synth_flags import check_flags, check_rows, seeds_in
from vitaccel.cli.synth_needs import need
from vitaccel.cli.terminal import note, progress, show
from vitaccel.cli.terminated import tidy_end
from vitaccel.errors import VitaccelError

if TYPE_CHECKING:
    from vitaccel_rtl.synthesis.implement import Implementation


@click.command(cls=JsonCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--target", metavar="DEVICE", help="ecp5-85k (placed and routed), xcup or xc7 (area only) [ecp5-85k].")
@click.option("--board", metavar="NAME", help="The whole system of a board around the accelerator: ulx3s.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.bit", help="The board's bitstream.")
@click.option("--seeds", metavar="S,S,...", help="Of the placer; the fastest counts. 0 is area only [1].")
@click.option(
    "--frequency", type=float, metavar="MHZ", help="What placement strives for [150], or the most "
    "that the board's clock may be [50].",
)  # fmt: skip
@click.option(
    "--logic-rows",
    type=click.IntRange(min=0),
    metavar="N",
    help="Rows of the array whose products are LUTs of ECP5 (default: none if its multipliers do, else so many that a "
    "tenth of them is left).",
)
@click.option(
    "--by-blocks",
    is_flag=True,
    help="Synthesise large blocks one by one, for xcup and xc7: what is too large as a whole.",
)
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Levels of blocks to show [2].")
@json_option
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a report for people.")
@debug_option
def synth(folder: Path, json_path: str | None, html: Path | None, output: Path | None, **flags: Any) -> None:
    """Synthesise the design in DIR, which gen-rtl wrote: area by block and, for ECP5, frequency and slowest path."""
    outputs = [*json_files(json_path), *(path for path in (html, output) if path is not None)]
    check_outputs(outputs, inputs=files_in(folder))
    need(has_board=flags["board"] is not None)
    seeds = seeds_in(flags["seeds"])
    if output is not None and (flags["board"] is None or not seeds):
        raise VitaccelError("-o must come with --board and a seed: only a board's system has pins, and a bitstream")
    check_flags(flags)
    if flags["board"] is not None:
        flags["target"] = check_board(flags["board"], flags["target"])
        subject = board_subject(folder, flags["board"], flags["frequency"])
    else:
        subject = Subject(design=design_in(folder))
    check_rows(flags["logic_rows"], subject.design)
    made = _implement(subject, seeds, flags)
    wrong = _wrong(made, subject)
    _write(made, json_path, html, flags["depth"], None if wrong else output)
    if wrong:
        raise VitaccelError(wrong)


def _implement(subject: Subject, seeds: tuple[int, ...], flags: dict[str, Any]) -> Implementation:
    from vitaccel_rtl.synthesis.cells import UnknownCellError
    from vitaccel_rtl.synthesis.devices import DEVICES
    from vitaccel_rtl.synthesis.implement import WANTED_MHZ, area_by_blocks, implement
    from vitaccel_rtl.synthesis.tools import SynthesisError

    target = flags["target"] or next(iter(DEVICES))
    wanted = subject.clock_mhz or flags["frequency"] or WANTED_MHZ
    with tidy_end(), progress(f"{subject.design.name} on {DEVICES[target].title}") as say:
        try:
            if flags["by_blocks"]:
                return area_by_blocks(subject.design, DEVICES[target], say=say)
            return implement(
                subject.design,
                DEVICES[target],
                seeds=seeds,
                wanted_mhz=wanted,
                pins=subject.pins,
                logic_rows=flags["logic_rows"],
                say=say,
            )
        except (SynthesisError, UnknownCellError, ValueError) as error:
            raise VitaccelError(str(error)) from error


def _wrong(made: Implementation, subject: Subject) -> str | None:
    """Return why the design cannot be used, if it cannot."""
    if made.missing:
        return f"{made.name} must fit {made.device.title}, and takes {', '.join(made.missing)}"
    if made.best is not None and subject.clock_mhz is not None and made.best.frequency_mhz < subject.clock_mhz:
        return (
            f"{made.name} must run at {subject.clock_mhz:g} MHz, not at {made.best.frequency_mhz:.1f} at most: "
            "--frequency lowers its clock, --seeds tries others"
        )
    return None


def _write(
    made: Implementation, json_path: str | None, html: Path | None, depth: int | None, output: Path | None
) -> None:
    """Render everything, then write all the files: a failure leaves none."""
    from vitaccel.report.json_record import to_json
    from vitaccel.report.synthesis_record import synthesis_record
    from vitaccel.report.synthesis_tables import DEPTH, synthesis_tables

    tables = synthesis_tables(made, depth=depth or DEPTH)
    printed = to_json(synthesis_record(made))
    contents = {path: printed.encode() for path in json_files(json_path)}
    if html is not None:
        from vitaccel.report.html.synthesis import synthesis_page

        contents[html] = synthesis_page(made, tables).encode()
    if output is not None and made.bitstream is not None:
        contents[output] = made.bitstream
    write_files(contents)
    for path in contents:
        note(f"wrote {path}")
    for failed in made.failed_seeds:
        note(f"seed {failed.seed} failed: {failed.sentence}")
    for stage in made.stages:
        note(f"{stage.name}: {stage.seconds:.1f} s")
    if json_path == STANDARD_OUTPUT:
        click.echo(printed, nl=False)
    else:
        show(tables)
