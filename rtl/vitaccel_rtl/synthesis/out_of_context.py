"""Area of a design whose blocks are synthesised one by one: for what is too large to be synthesised as a whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vitaccel_rtl.synthesis.builds import BUILD_FOLDER, YOSYS, Progress, cached, in_silence
from vitaccel_rtl.synthesis.cells import Area, area_of
from vitaccel_rtl.synthesis.yosys import BITS, NETLIST, ROWS, SOURCE, SYNTHESIS, without_cleared
from vitaccel_rtl.verilog import Verilog

DESIGN = "design.il"

PREPARE = (
    f"read_verilog -sv {SOURCE}; hierarchy -top {{top}}; setattr -unset src */*; proc; opt_expr; opt_clean; "
    f"opt_hier; opt_expr; opt_clean; opt_hier; opt_clean; write_rtlil {DESIGN}"
)
"""Blocks are told what others always say to them, and which of their outputs nobody reads."""

BLOCK = (
    f"read_rtlil {DESIGN}; {{boxes}}setattr -mod -set keep_hierarchy 1 {ROWS}; "
    f"{{synthesis}} -run begin:map_luts; {BITS}; {{synthesis}} -run map_luts:; "
    f"setattr -mod -unset keep_hierarchy {ROWS}; flatten; opt_clean; write_json {NETLIST}"
)
"""As a whole design is synthesised (:mod:`~vitaccel_rtl.synthesis.yosys`), but with boxes for the blocks within."""

TARGETS = ("xcup", "xc7")
"""An ECP5 has no place for designs that would need it."""

LARGE_BLOCKS = (
    *("buffer", "sets", "load", "store", "vector", "vector.experts", "compute"),
    *(r"compute.core\d+", r"compute.core\d+.array", r"compute.core\d+.reuse", r"compute.core\d+.moments"),
)
"""Of an accelerator, as regular expressions of paths: those that the cost model of areas knows."""


def blocks_of(verilog: Verilog) -> tuple[str, ...]:
    """Return the paths of the large blocks that an accelerator has."""
    there = re.findall(rf"^module {verilog.name}_(\w+)", verilog.text, re.MULTILINE)
    paths = [module.replace("_", ".") for module in there]
    return tuple(path for path in paths if any(re.fullmatch(block, path) for block in LARGE_BLOCKS))


def out_of_context(
    verilog: Verilog,
    target: str,
    blocks: Sequence[str],
    *,
    folder: Path = BUILD_FOLDER,
    say: Progress = in_silence,
) -> dict[str, Area]:
    """Return the area of each of some blocks with all that is in it, by path; ``""`` is the whole design.

    Yosys compiled to WebAssembly has 4 GB of memory, which a flat accelerator of 16 x 16 PEs of UltraScale+ needs.
    A block by itself needs a part of that. Nothing is shared or moved across the borders of blocks then, but constants
    pass them, and what nobody reads is left out.

    Parameters
    ----------
    verilog
        The design, as :func:`vitaccel_rtl.verilog.to_verilog` writes it: the module of block ``compute.core0`` is
        called ``NAME_compute_core0``.
    target
        One of :data:`TARGETS`.
    blocks
        Paths of instances that are synthesised by themselves, each without those within it.
    folder
        Of all results.
    say
        Called with what Yosys does.

    Raises
    ------
    SynthesisError
        If Yosys is not installed or refuses a block.
    UnknownCellError
        If the netlist has a cell whose cost nobody has said.
    ValueError
        If a block is not in the design, or the target is another one.
    """
    modules = {path: "_".join([verilog.name, *path.split(".")] if path else [verilog.name]) for path in ("", *blocks)}
    there = set(re.findall(r"^module (\w+)", verilog.text, re.MULTILINE))
    if missing := [path for path, module in modules.items() if module not in there]:
        raise ValueError(f"blocks of {verilog.name} must be in it, and {', '.join(missing)} are not")
    if target not in TARGETS:
        raise ValueError(f"the target of blocks by themselves must be one of {', '.join(TARGETS)}, not {target!r}")
    arguments = ("-q", "-p", PREPARE.format(top=verilog.name))
    design = cached(YOSYS, arguments, {SOURCE: without_cleared(verilog.text)}, folder, say=say) / DESIGN
    found = {path: Area() for path in modules}
    for path, module in modules.items():
        boxes = [other for inner, other in modules.items() if _is_within(inner, path)]
        kept = f"blackbox {' '.join(boxes)}; " if boxes else ""
        script = BLOCK.format(boxes=kept, synthesis=f"{SYNTHESIS[target]} -top {module}")
        made = cached(YOSYS, ("-q", "-p", script), {DESIGN: design.read_text()}, folder, say=say)
        netlist = json.loads((made / NETLIST).read_text())
        kinds = Counter(cell["type"] for cell in netlist["modules"][module]["cells"].values())
        area = area_of({kind: count for kind, count in kinds.items() if kind not in boxes}, target)
        for holder in modules:
            if holder == path or _is_within(path, holder):
                found[holder] += area
    return found


def _is_within(path: str, holder: str) -> bool:
    """Whether a block is in another one, not that one itself."""
    return path != holder and (not holder or path.startswith(f"{holder}."))
