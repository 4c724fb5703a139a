"""Area of whole accelerators: synthesised by Yosys, predicted by the cost model, and published ones beside them.

``python benchmarks/area.py`` prints tables of what is in ``area_synthesised.csv``. ``--synthesize`` first runs Yosys
for those machines of :data:`POINTS` that are not in it, or for those that are named (``--synthesize xcup-8x8``): a
minute or two of processor time at P of 4, much more at 32. ``--by-blocks MACHINE`` prints what one takes when its
blocks are synthesised one by one. ``--fit`` then fits the coefficients of the cost model to
the points that are not held out, and writes them to its ``area_terms.csv``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np

from vitaccel.arch import Arch, load_preset
from vitaccel.backends.cost_model import area as model
from vitaccel.backends.rtl.area import machine_shape
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES

HERE = Path(__file__).parent
SYNTHESISED = HERE / "area_synthesised.csv"
PUBLISHED = HERE / "area_published.csv"
TERMS = HERE.parent / "vitaccel" / "backends" / "cost_model" / model.TERMS_FILE
PRESETS = {"ecp5": "ecp5-85f", "xcup": "zcu102"}

AREA_TERMS = {
    "array": ("PEs", "lanes of arrays", "arrays"),
    "cores": ("lanes of arrays", "turned of arrays", "arrays", "arrays with moments"),
    "kept": ("lanes of arrays", "turned of arrays", "arrays"),
    "moments": ("lanes of arrays", "arrays"),
    "issue": ("machine", "lanes of arrays", "arrays", "with moments"),
    "lanes": ("machine", "lanes", "turned", "with moments"),
    "experts": ("machine", "lanes", "turned"),
    "buffer": ("lanes of arrays", "address bits", "machine"),
    "sets": ("arrays", "machine"),
    "load": ("machine", "bytes of beats", "lanes"),
    "store": ("machine", "bytes of beats", "lanes"),
    "control": ("machine",),
}
"""Terms that the LUTs and the registers of a block are fitted with."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A machine that is synthesised.

    Parameters
    ----------
    target
        As Yosys' commands have it: ``ecp5`` or ``xcup``.
    pe
        As ``--pe`` takes it.
    bus_bits
        Of the port.
    kibibytes
        Of the buffers: activations, weights, logits, parameters.
    features
        Of :data:`vitaccel_rtl.accelerator.isa.FEATURES`; with ``moments``, of :data:`MOMENT_BLOCKS` row-blocks.
    logic_rows
        Rows of the array whose products are LUTs.
    is_held_out
        Whether the fit does not see it.
    is_by_blocks
        Whether its blocks are synthesised one by one, as the whole would need more memory than WebAssembly has.
    """

    target: str
    pe: str
    bus_bits: int
    kibibytes: tuple[int, int, int, int]
    features: tuple[str, ...] = ()
    logic_rows: int = 0
    is_held_out: bool = False
    is_by_blocks: bool = False

    def __str__(self) -> str:
        rows = [f"{self.logic_rows}rows"] if self.logic_rows else []
        return "-".join([self.target, self.pe, *(name.split("_")[0] for name in self.features), *rows])

    @property
    def arch(self) -> Arch:
        """The machine."""
        names = ("activation", "weight", "logit", "parameter")
        sizes = {f"buffers.{name}_bytes": str(1024 * size) for name, size in zip(names, self.kibibytes, strict=True)}
        if "moments" in self.features:
            sizes["buffers.moment_blocks"] = str(MOMENT_BLOCKS)
        base = load_preset(PRESETS[self.target]).with_pe(self.pe)
        return base.with_settings({"memory.bus_bits": str(self.bus_bits), **sizes})


MOMENT_BLOCKS = 64
"""Row-blocks whose moments are kept, where any are: those of the preset zcu102."""

EXPERTS_KEPT, MOMENTS = ("experts", "kept_logits"), ("moments",)
ALL = (*EXPERTS_KEPT, *MOMENTS)
FULL_SIZE = (1024, 2048, 256, 32)
"""Buffers of the preset zcu102."""

POINTS = (
    Point(target="ecp5", pe="4x4", bus_bits=32, kibibytes=(32, 16, 8, 8)),
    Point(target="ecp5", pe="8x8", bus_bits=32, kibibytes=(32, 16, 8, 8)),
    Point(target="ecp5", pe="8x8", bus_bits=32, kibibytes=(32, 16, 8, 8), logic_rows=6, is_held_out=True),
    Point(target="ecp5", pe="8x8", bus_bits=32, kibibytes=(32, 16, 8, 8), logic_rows=8, is_held_out=True),
    Point(target="ecp5", pe="4x4", bus_bits=128, kibibytes=(64, 64, 16, 8), features=EXPERTS_KEPT),
    Point(target="ecp5", pe="6x6", bus_bits=64, kibibytes=(96, 48, 24, 8), is_held_out=True),
    Point(target="ecp5", pe="8x8", bus_bits=128, kibibytes=(64, 32, 16, 8), features=EXPERTS_KEPT),
    Point(target="ecp5", pe="4x4", bus_bits=32, kibibytes=(32, 16, 8, 8), features=MOMENTS),
    Point(target="ecp5", pe="8x8", bus_bits=32, kibibytes=(32, 16, 8, 8), features=MOMENTS),
    Point(target="ecp5", pe="6x6", bus_bits=64, kibibytes=(96, 48, 24, 8), features=MOMENTS, is_held_out=True),
    Point(target="xcup", pe="4x4", bus_bits=128, kibibytes=(64, 64, 16, 8), features=EXPERTS_KEPT),
    Point(target="xcup", pe="8x8", bus_bits=64, kibibytes=(128, 64, 32, 16), features=EXPERTS_KEPT),
    Point(target="xcup", pe="2x8x8", bus_bits=256, kibibytes=(128, 128, 64, 16), is_held_out=True),
    Point(target="xcup", pe="4x4", bus_bits=128, kibibytes=(64, 64, 16, 8), features=ALL),
    Point(target="xcup", pe="8x8", bus_bits=64, kibibytes=(128, 64, 32, 16), features=ALL),
    Point(target="xcup", pe="16x16", bus_bits=128, kibibytes=FULL_SIZE, features=EXPERTS_KEPT, is_held_out=True),
    Point(
        target="xcup",
        pe="32x32",
        bus_bits=128,
        kibibytes=FULL_SIZE,
        features=EXPERTS_KEPT,
        is_held_out=True,
        is_by_blocks=True,
    ),
)


def synthesised(point: Point, *, is_by_blocks: bool | None = None) -> dict[str, Area]:
    """Return the area of every block of a machine, from Yosys; block by block if so said, else as the point is.

    Raises
    ------
    SynthesisError
        If Yosys is not installed, or refuses the machine.
    """
    from vitaccel.backends.rtl.accelerator import accelerator_of
    from vitaccel_rtl.synthesis.breakdown import areas
    from vitaccel_rtl.synthesis.out_of_context import blocks_of as large_blocks
    from vitaccel_rtl.synthesis.out_of_context import out_of_context
    from vitaccel_rtl.synthesis.yosys import netlist_of
    from vitaccel_rtl.verilog import to_verilog

    verilog = to_verilog(accelerator_of(point.arch, features=point.features), name="vitaccel")
    if point.is_by_blocks if is_by_blocks is None else is_by_blocks:
        return blocks_of(out_of_context(verilog, point.target, large_blocks(verilog)))
    options = {"is_named": True, "logic_rows": point.logic_rows}
    netlist = netlist_of(verilog.text, verilog.name, point.target, **options)
    return blocks_of(areas(netlist["modules"][verilog.name]["cells"], point.target))


OF_CORES = {"array": "array", "reuse": "kept", "moments": "moments"}
"""Blocks that are parts of arrays' cores, by the names of the parts."""


def blocks_of(areas: Mapping[str, Area]) -> dict[str, Area]:
    """Return areas of the instances of an accelerator as those of the cost model's blocks; all are some block's."""
    found = {block: Area() for block in model.BLOCKS}
    for path, area in areas.items():
        parts = path.split("$")[0].split(".")
        if len(parts) == 1 and path in ("buffer", "load", "store", "sets"):
            found[path] += area
        elif path.startswith("compute.core") and len(parts) == 2:
            found["cores"] += area
        elif path.startswith("compute.core") and len(parts) == 3 and parts[2] in OF_CORES:
            found[OF_CORES[parts[2]]] += area
        elif path == "vector.experts":
            found["experts"] += area
    none = Area()
    found["issue"] = _less(areas.get("compute", none), found["cores"])
    found["cores"] = _less(found["cores"], *(found[block] for block in OF_CORES.values()))
    found["lanes"] = _less(areas.get("vector", none), found["experts"])
    found["control"] = _less(areas[""], *(area for block, area in found.items() if block != "control"))
    return found


def _less(area: Area, *others: Area) -> Area:
    names = [field.name for field in fields(Area)]
    return Area(**{name: getattr(area, name) - sum(getattr(other, name) for other in others) for name in names})


def read(path: Path = SYNTHESISED) -> dict[str, dict[str, Area]]:
    """Return the areas of the blocks of every point that was synthesised, by its name."""
    found: dict[str, dict[str, Area]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                area = Area(**{field.name: int(row[field.name]) for field in fields(Area)})
                found.setdefault(row["point"], {})[row["block"]] = area
    return found


def write(found: Mapping[str, Mapping[str, Area]], path: Path = SYNTHESISED) -> None:
    """Keep areas, but for those of blocks that are not there, point by point in the order of :data:`POINTS`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["point", "block", *(field.name for field in fields(Area))])
        for point in POINTS:
            for block, area in found.get(str(point), {}).items():
                if area != Area():
                    writer.writerow([point, block, *asdict(area).values()])


def fit(target: str, found: Mapping[str, Mapping[str, Area]]) -> list[tuple[str, str, str, str, float]]:
    """Return the coefficients of a target: block, resource, term and value, each not negative.

    Points that are held out have no part in it. Without machines of two P there is no fit.
    """
    points = [p for p in POINTS if p.target == target and not p.is_held_out and str(p) in found]
    if len({p.arch.array.side for p in points}) < 2:
        return []
    rows = []
    for block in model.BLOCKS:
        with_block = [p for p in points if block in model.present(machine_shape(p.arch, p.features))]
        values = [model.terms(machine_shape(p.arch, p.features)) for p in with_block]
        totals = [model.total_area(found[str(p)]) for p in with_block]
        chosen = AREA_TERMS[block]
        for resource in model.FITTED:
            seen = [getattr(found[str(p)][block], resource) for p in with_block]
            if not any(seen):
                continue
            weights = [1 / max(1, getattr(total, resource)) for total in totals]
            solved = least_squares([[row[term] for term in chosen] for row in values], seen, weights)
            rows += [(target, block, resource, t, v) for t, v in zip(chosen, solved, strict=True) if v]
    return rows


def least_squares(rows: Sequence[Sequence[float]], seen: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the coefficients, none negative, whose weighted squares of errors are least; of equals, the fewest."""
    matrix = np.array(rows, dtype=float) * np.array(weights, dtype=float)[:, None]
    wanted = np.array(seen, dtype=float) * np.array(weights, dtype=float)
    count = matrix.shape[1]
    best, least = [0.0] * count, float(wanted @ wanted)
    for size in range(1, min(count, len(rows)) + 1):
        for chosen in combinations(range(count), size):
            found, *_ = np.linalg.lstsq(matrix[:, chosen], wanted, rcond=None)
            error = float(np.sum((matrix[:, chosen] @ found - wanted) ** 2))
            if (found >= 0).all() and error < least * (1 - 1e-9) - 1e-18:
                best, least = [0.0] * count, error
                for place, value in zip(chosen, found, strict=True):
                    best[place] = float(value)
    return best


def fit_all(found: Mapping[str, Mapping[str, Area]]) -> None:
    """Write the coefficients of every target of which there are points."""
    with TERMS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["target", "block", "resource", "term", "coefficient"])
        for target in PRESETS:
            for row in fit(target, found):
                writer.writerow([*row[:-1], f"{row[-1]:.6g}"])
    model.coefficients.cache_clear()


RESOURCES = (
    ("LUT", ("luts", "ram_luts")),
    ("FF", ("flip_flops",)),
    ("mult.", ("multipliers",)),
    ("BRAM", ("block_rams",)),
)


def compared(found: Mapping[str, Mapping[str, Area]]) -> list[str]:
    """Predicted against synthesised, a line a machine, and the worst errors."""
    head = "".join(
        f"{name:>10}{'predicted':>11}{'error':>8}" if place < 2 else f"{name:>7}{'predicted':>11}"
        for place, (name, _) in enumerate(RESOURCES)
    )
    lines = [f"{'machine':32}{'bus':>5}{head}"]
    worst: dict[tuple[bool, str], float] = {}
    for point in POINTS:
        if str(point) not in found:
            continue
        real, guess = model.total_area(found[str(point)]), predicted(point)
        line = f"{point!s:30}{'*' if point.is_held_out else ' ':2}{point.bus_bits:>5}"
        for place, (name, parts) in enumerate(RESOURCES):
            is_, said = (sum(getattr(area, part) for part in parts) for area in (real, guess))
            if place < 2 and not is_predicted(point):
                line += f"{is_:>10,}{'-':>11}{'-':>8}"
                continue
            error = said / is_ - 1
            line += f"{is_:>10,}{said:>11,}{error:>8.1%}" if place < 2 else f"{is_:>7,}{said:>11,}"
            key = (point.is_held_out, name)
            worst[key] = max(worst.get(key, 0.0), abs(error))
        lines.append(line)
    for is_held_out, of in ((False, "fitted"), (True, "held out (*)")):
        errors = ", ".join(
            f"{name} {worst[is_held_out, name]:.1%}" for name, _ in RESOURCES if (is_held_out, name) in worst
        )
        lines.append(f"worst error of those {of}: {errors or 'none'}")
    return lines


def is_predicted(point: Point) -> bool:
    """Whether every block of a point was fitted."""
    return model.is_fitted(machine_shape(point.arch, point.features), point.target)


def predicted(point: Point) -> Area:
    """Return what the cost model says of a point."""
    shape = machine_shape(point.arch, point.features)
    macs = point.arch.array.macs_per_multiplier
    return model.total_area(model.predict_area(shape, macs, point.target, logic_rows=point.logic_rows))


def beside_published(found: Mapping[str, Mapping[str, Area]]) -> list[str]:
    """Machines of full size on UltraScale+, what the ZCU102 has, and published designs: totals, and for each MAC."""
    device = DEVICES["xcup"].total
    titles = f"{'MAC a cycle':>12}{'LUT':>10}{'FF':>10}{'DSP':>7}{'BRAM':>7}{'LUT/MAC':>9}{'DSP/MAC':>9}"
    lines = [f"{'on ZCU102':44}{titles}"]
    for point in POINTS:
        if point.target == "xcup" and point.kibibytes == FULL_SIZE:
            is_real = str(point) in found
            if not is_real and not is_predicted(point):
                continue
            area = model.total_area(found[str(point)]) if is_real else predicted(point)
            how = "predicted" if not is_real else "synthesised by blocks" if point.is_by_blocks else "synthesised"
            name = f"{point.arch.array}, {how}"
            lines.append(_beside(name, point.arch.array.pes, area))
    whole = load_preset("zcu102")
    family = DEVICES[whole.limits.device].family
    if model.is_fitted(machine_shape(whole), family):
        areas = model.predict_area(machine_shape(whole), whole.array.macs_per_multiplier, family)
        name = f"{whole.array} of the preset zcu102, predicted"
        lines.append(_beside(name, whole.array.pes, model.total_area(areas)))
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            area = Area(
                luts=int(row["luts"]),
                flip_flops=int(row["flip_flops"] or 0),
                multipliers=int(row["multipliers"]),
                block_rams=2 * int(row["block_rams_36"] or 0),
            )
            lines.append(_beside(f"{row['design']}: {row['network']}", int(row["macs_per_cycle"]), area))
    return [
        *lines,
        _beside(f"all that {DEVICES['xcup'].title} has", 0, device),
        "MAC a cycle: of vitaccel its PEs, of published designs what they reach; BRAM: of 36 kbit",
    ]


def _beside(name: str, macs: int, area: Area) -> str:
    def shown(value: int) -> str:
        return f"{value:,}" if value else "-"

    luts = area.luts + area.ram_luts if macs else area.luts
    each = f"{luts / macs:>9.0f}{area.multipliers / macs:>9.2f}" if macs else ""
    ram = area.block_rams / 2
    rams = f"{ram:,.1f}".removesuffix(".0") if ram else "-"
    counts = f"{shown(luts):>10}{shown(area.flip_flops):>10}{shown(area.multipliers):>7}{rams:>7}"
    return f"{name:44}{shown(macs):>12}{counts}{each}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synthesize", nargs="*", metavar="MACHINE", help="run Yosys for machines not yet synthesised")
    parser.add_argument(
        "--by-blocks", nargs="+", metavar="MACHINE", help="run Yosys block by block, and print the whole"
    )
    parser.add_argument("--fit", action="store_true", help="fit the cost model to what was synthesised")
    given = parser.parse_args(arguments)
    if wrong := set(given.by_blocks or ()) - {str(point) for point in POINTS if point.target != "ecp5"}:
        parser.error(f"--by-blocks must name machines of UltraScale+, not {', '.join(sorted(wrong))}")
    if wrong := set(given.synthesize or ()) - {str(point) for point in POINTS}:
        parser.error(f"--synthesize must name machines of the table, not {', '.join(sorted(wrong))}")
    found = read()
    if given.synthesize is not None:
        for point in POINTS:
            if str(point) in given.synthesize or (not given.synthesize and str(point) not in found):
                print(f"{point}: Yosys runs", file=sys.stderr)
                found[str(point)] = synthesised(point)
                write(found)
    for point in (point for point in POINTS if str(point) in (given.by_blocks or ())):
        total = model.total_area(synthesised(point, is_by_blocks=True))
        counts = ", ".join(f"{sum(getattr(total, part) for part in parts):,} {name}" for name, parts in RESOURCES)
        print(f"{point} by blocks: {counts}\n")
    if given.fit:
        fit_all(found)
    print("\n".join([*compared(found), "", *beside_published(found)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
