"""Every block at its defaults and at every parameter point of its bench: Verilator and Icarus have nothing to say.

The points are for ``--full``: the benches build those they run with all warnings as errors.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel.backends.rtl.generate import generate, module_name
from vitaccel_rtl.lint import lint, lint_icarus
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.traffic.catalog import TRAFFIC


def points() -> Iterator[tuple[str, dict[str, int]]]:
    for block in BLOCKS.values():
        tried = (TRAFFIC.get(block.name) or BENCHES[block.name]).points
        chosen = [block.choose(point) for point in ({}, *tried)]
        for options in {module_name(block, options): options for options in chosen}.values():
            yield block.name, options


def parameters() -> Iterator[Any]:
    seen: set[str] = set()
    for name, options in points():
        marks = [pytest.mark.full] if name in seen else []
        seen.add(name)
        yield pytest.param(name, options, id=module_name(BLOCKS[name], options), marks=marks)


@pytest.mark.parametrize(("name", "options"), list(parameters()))
def test_verilog_is_clean(name: str, options: dict[str, int]) -> None:
    verilog = generate(name, options).verilog
    assert lint(verilog) == ()
    if shutil.which("iverilog"):
        assert lint_icarus(verilog) == ()
