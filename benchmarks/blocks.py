"""Area and frequency of every block of gateware, beside what published alternatives cost.

``python benchmarks/blocks.py`` synthesises every block of the catalog with 8 lanes for ECP5 and UltraScale+, places and
routes it on an ECP5 of speed grade 6, and synthesises one lane of it; of the array it takes 4x4 to 16x16. A 16x16 has
more multipliers than the largest ECP5: it is placed with the products of as many rows as must be made of LUTs. Names
choose blocks (``... exp2 array``). As in a build, seeds of the placer (``--seeds 1 2 3``) are tried until one reaches
the target, and the fastest counts; ``--all-seeds`` tries all. An array above 8x8, of which no frequency is asked and
which takes nextpnr many minutes, is placed with the first. Results are kept in ``build/``, so a second run prints
the same at once. ``docs/blocks.md`` shows the table.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.nextpnr import SPEED_GRADE, Timing, place_and_route
from vitaccel_rtl.synthesis.tools import SynthesisError
from vitaccel_rtl.synthesis.yosys import synthesize
from vitaccel_rtl.verilog import to_verilog

PUBLISHED = Path(__file__).with_name("blocks_published.csv")
LANES = 8
SIDES = (4, 8, 12, 16)
VARIANTS = {"fraction_bits": (6, 8)}
"""Options of which every value is a row; others keep their defaults."""

MULTIPLIERS = DEVICES["ecp5-85k"].total.multipliers
TARGET_MHZ = 150.0
SEEDS = (1, 2, 3)
LARGEST_TRIED = 8
"""Side of an array that is placed with more than one seed."""

EXP_LANE_LUTS = 84
NAME_WIDTH = 43


@dataclass(frozen=True)
class Case:
    """A block with options; ``is_timed`` says whether it is placed and routed too.

    Of an array on ECP5, products of ``logic_rows`` rows are LUTs, not multipliers.
    """

    block: str
    options: dict[str, int] = field(default_factory=dict)
    is_timed: bool = True
    logic_rows: int = 0

    def __str__(self) -> str:
        rows = {"logic-rows": self.logic_rows} if self.logic_rows else {}
        return " ".join([self.block, *(f"{name}={value}" for name, value in (self.options | rows).items())])


@dataclass(frozen=True)
class Measured:
    """A case on both targets, and its place-and-routes by seed; none if it is not timed."""

    case: Case
    ecp5: Area
    ultrascale: Area
    timings: tuple[Timing, ...]

    @property
    def best(self) -> Timing | None:
        """The place-and-route of the highest frequency."""
        return max(self.timings, key=lambda timing: timing.frequency_mhz, default=None)


def cases(names: Iterable[str]) -> list[Case]:
    """Rows of these blocks, in the order of the catalog."""
    found = []
    for name, block in BLOCKS.items():
        if name not in names:
            continue
        options = {option.name for option in block.options}
        if name == "array":
            for side in SIDES:
                rows = max(0, -(-(side * side - MULTIPLIERS) // side))
                found.append(Case(name, {"side": side}, is_timed=not rows))
                if rows:
                    found.append(Case(name, {"side": side}, logic_rows=rows))
            continue
        variants: list[dict[str, int]] = [{}]
        for option, values in VARIANTS.items():
            if option in options:
                variants = [{option: value} for value in values]
        for variant in variants:
            if "lanes" in options:
                found.append(Case(name, {"lanes": 1, **variant}, is_timed=False))
                variant = {"lanes": LANES, **variant}
            elif "side" in options:
                variant = {"side": LANES, **variant}
            found.append(Case(name, variant))
    return found


def measure(case: Case, seeds: Sequence[int], *, tries_all: bool = False) -> Measured:
    """Synthesise a case, and if it is timed place and route it with one seed after another until one is fast enough."""
    verilog = to_verilog(BLOCKS[case.block].component(**case.options), name=case.block.replace("-", "_"))
    timings: list[Timing] = []
    tried = seeds if case.options.get("side", 0) <= LARGEST_TRIED else seeds[:1]
    for seed in tried if case.is_timed else ():
        timings.append(place_and_route(verilog, seed=seed, logic_rows=case.logic_rows))
        if timings[-1].frequency_mhz >= TARGET_MHZ and not tries_all:
            break
    area = synthesize(verilog, "ecp5", logic_rows=case.logic_rows)
    return Measured(case, area, synthesize(verilog, "xcup"), tuple(timings))


def table(rows: Sequence[Measured]) -> list[str]:
    """Areas and frequencies."""
    titles = f"{'LUT':>7}{'FF':>7}{'mul.':>6}{'BRAM':>6}{'RAM':>6}"
    lines = [
        f"{'':{NAME_WIDTH}}{f'ECP5, speed grade {SPEED_GRADE}':>32}{'':8}{'UltraScale+':>32}",
        f"{'block':{NAME_WIDTH}}{titles}{'MHz':>8}{titles}",
    ]
    for row in rows:
        megahertz = f"{int(row.best.frequency_mhz)}" if row.best else "-"
        lines.append(f"{row.case!s:{NAME_WIDTH}}{_area(row.ecp5)}{megahertz:>8}{_area(row.ultrascale)}")
    return [
        *lines,
        "LUT: of logic and carries; RAM: LUTs that are memory; mul.: MULT18X18D or DSP48E2; BRAM: of 18 kbit",
    ]


def _area(area: Area) -> str:
    return f"{area.luts:>7}{area.flip_flops:>7}{area.multipliers:>6}{area.block_rams:>6}{area.ram_luts:>6}"


def paths(rows: Sequence[Measured]) -> list[str]:
    """What limits each frequency, and the frequencies of all seeds that were tried."""
    lines = [f"{'slowest path':{NAME_WIDTH}}{'cells ns':>9}{'wires ns':>9}  {'MHz by seed':18}from, to"]
    for row in rows:
        if (best := row.best) is not None:
            delays = f"{best.logic_ns:>9.1f}{best.routing_ns:>9.1f}"
            seeds = " ".join(f"{timing.seed}:{int(timing.frequency_mhz)}" for timing in row.timings)
            lines.append(f"{row.case!s:{NAME_WIDTH}}{delays}  {seeds:18}{_signal(best.start)}, {_signal(best.end)}")
    return lines


def _signal(pin: str) -> str:
    """Name of the register that a cell is: ``lane1.gone`` of ``block.lane1.gone_TRELLIS_FF_Q_2.DI``."""
    return re.sub(r"_(TRELLIS_FF|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D)_.*", "", pin).removeprefix("block.")


def verdicts(rows: Sequence[Measured]) -> list[str]:
    """The targets, met or not."""
    lines = ["targets"]
    timed = [row for row in rows if row.best and row.case.options.get("side", 0) <= LARGEST_TRIED]
    slow = [str(row.case) for row in timed if row.best and row.best.frequency_mhz < TARGET_MHZ]
    verdict = f"missed by {', '.join(slow)}" if slow else "met by all"
    if timed:
        lines.append(f"  {TARGET_MHZ:.0f} MHz on ECP5: {verdict}")
    for row in rows:
        if row.case == Case("exp2", {"lanes": 1, "fraction_bits": 6}, is_timed=False):
            luts = f"{row.ultrascale.luts} LUT of UltraScale+, {row.ecp5.luts} of ECP5"
            says = f"{luts}, {row.ecp5.multipliers} multipliers"
            lines.append(f"  exp lane, {EXP_LANE_LUTS} LUT (of UltraScale+) and no multiplier: {says}")
        if row.case.block == "array" and not row.case.logic_rows:
            each = row.ecp5.multipliers / row.case.options["side"] ** 2
            lines.append(f"  {row.case}, one multiplier a PE: {each:.2f}{_unplaced(row)}")
    return lines


def _unplaced(row: Measured) -> str:
    """Why an array is not placed as it is; nothing if it is."""
    if row.case.is_timed:
        return ""
    return f"; not placed so, for the largest ECP5 has {MULTIPLIERS}"


def published() -> list[str]:
    """Costs of the published alternatives, which were counted with another flow."""
    lines = [
        "published methods, one combinational lane each, UltraScale+ (Yosys 0.70, synth_xilinx -family xcu)",
        f"{'unit':58}{'LUT':>6}{'mul.':>6}{'no mul.':>9}{'error':>9}  source",
    ]
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            costs = f"{row['luts']:>6}{row['multipliers']:>6}{row['luts_without_multipliers']:>9}"
            lines.append(f"{row['unit']:58}{costs}{row['error']:>9}  {row['source']}")
    return lines


def report(rows: Sequence[Measured]) -> str:
    """All tables."""
    timed = [row for row in rows if row.timings]
    parts = (table(rows), *([paths(timed)] if timed else []), verdicts(rows), published())
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blocks", nargs="*", default=list(BLOCKS), metavar="block", help=f"one of {', '.join(BLOCKS)}")
    parser.add_argument(
        "--seeds", nargs="+", type=int, default=list(SEEDS), help="of the placer, tried until one reaches the target"
    )
    parser.add_argument("--all-seeds", action="store_true", help="try every seed, also when one has reached the target")
    parser.add_argument("--area", action="store_true", help="synthesise only: no frequencies")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    flags = parser.parse_args()
    if unknown := [name for name in flags.blocks if name not in BLOCKS]:
        parser.error(f"a block must be one of {', '.join(BLOCKS)}, not {unknown[0]}")
    rows = []
    chosen = cases(flags.blocks)
    for place, case in enumerate(chosen, start=1):
        print(f"[{place}/{len(chosen)}] {case}", file=sys.stderr, flush=True)
        try:
            rows.append(measure(case, [] if flags.area else flags.seeds, tries_all=flags.all_seeds))
        except SynthesisError as error:
            parser.exit(1, f"{error}\n")
    print(json.dumps([asdict(row) for row in rows], indent=1) if flags.json else report(rows), end="")


if __name__ == "__main__":
    main()
