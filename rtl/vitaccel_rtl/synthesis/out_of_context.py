"""Area of a design whose blocks are synthesised one by one: for what is too large to be synthesised as a whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vitaccel_rtl.synthesis.builds import BUILD_FOLDER, cached
from vitaccel_rtl.synthesis.cells import Area, area_of
from vitaccel_rtl.synthesis.tools import YOSYS, Progress, in_silence
from vitaccel_rtl.synthesis.whole import ends_with
from vitaccel_rtl.synthesis.yosys import BITS, NETLIST, RESULTS, ROWS, SOURCE, SYNTHESIS, without_cleared
from vitaccel_rtl.verilog import Verilog

DESIGN = "design.il"
DESIGN_ENDS = ends_with(b"\nend\n")

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

LARGE_BLOCKS = re.compile(
    r"buffer|sets|load|store|vector|vector\.experts|compute|compute\.core\d+"
    r"|compute\.core\d+\.(array|reuse|moments)(\$\d+)?"
)
"""Of an accelerator, by their paths: those that the cost model of areas knows."""

_MODULE = re.compile(r"^module \\?(?P<name>\S+) ?\(.*?^endmodule", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^  \\?(?P<module>\S+) \\?(?P<name>\S+) +\($", re.MULTILINE)


def blocks_of(verilog: Verilog) -> tuple[str, ...]:
    """Return the paths of the large blocks that an accelerator has."""
    return tuple(path for path in _modules(verilog) if LARGE_BLOCKS.fullmatch(path))


def _modules(verilog: Verilog) -> dict[str, str]:
    """Return the module of every instance by its path, ``""`` for the design: equal instances have one module."""
    bodies = {found["name"]: found[0] for found in _MODULE.finditer(verilog.text)}
    inside = {
        name: [(each["name"], each["module"]) for each in _INSTANCE.finditer(body) if each["module"] in bodies]
        for name, body in bodies.items()
    }
    found, left = {"": verilog.name}, [("", verilog.name)]
    while left:
        path, module = left.pop()
        for name, inner in inside[module]:
            found[f"{path}.{name}".removeprefix(".")] = inner
            left.append((f"{path}.{name}".removeprefix("."), inner))
    return found


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
        The design, as :func:`vitaccel_rtl.verilog.to_verilog` writes it.
    target
        One of :data:`TARGETS`.
    blocks
        Paths of instances that are synthesised by themselves, each without those within it.
    folder, say
        As of :func:`vitaccel_rtl.synthesis.yosys.netlist_of`.

    Raises
    ------
    SynthesisError, UnknownCellError
        As there, and of :func:`vitaccel_rtl.synthesis.cells.area_of`.
    ValueError
        If a block is not in the design, or only some of several equal ones are named, or the target is another one.
    """
    there = _modules(verilog)
    if missing := [path for path in blocks if path not in there]:
        raise ValueError(f"blocks of {verilog.name} must be in it, and {', '.join(missing)} are not")
    modules = {path: there[path] for path in ("", *blocks)}
    if target not in TARGETS:
        raise ValueError(f"the target of blocks by themselves must be one of {', '.join(TARGETS)}, not {target!r}")
    boxes = {path: sorted({module for inner, module in modules.items() if _is_within(inner, path)}) for path in modules}
    if left := [path for path, module in there.items() if module in boxes[""] and path not in modules]:
        raise ValueError(f"blocks that are equal must all be named, and {', '.join(left)} are not")
    arguments = ("-q", "-p", PREPARE.format(top=verilog.name))
    sources, results = {SOURCE: without_cleared(verilog.text)}, {DESIGN: DESIGN_ENDS}
    design = cached(YOSYS, arguments, sources, folder, results=results, say=say) / DESIGN
    sources = {DESIGN: design.read_text()}
    found = {path: Area() for path in modules}
    for path, module in modules.items():
        kept = f"blackbox {' '.join(boxes[path])}; " if boxes[path] else ""
        script = BLOCK.format(boxes=kept, synthesis=f"{SYNTHESIS[target]} -top {module}")
        made = cached(YOSYS, ("-q", "-p", script), sources, folder, results=RESULTS, say=say)
        netlist = json.loads((made / NETLIST).read_text())
        kinds = Counter(cell["type"] for cell in netlist["modules"][module]["cells"].values())
        area = area_of({kind: count for kind, count in kinds.items() if kind not in boxes[path]}, target)
        for holder in modules:
            if holder == path or _is_within(path, holder):
                found[holder] += area
    return found


def _is_within(path: str, holder: str) -> bool:
    """Whether a block is in another one, not that one itself."""
    return path != holder and (not holder or path.startswith(f"{holder}."))
