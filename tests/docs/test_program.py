"""docs/program.md: the table of instructions is the code's, and so are the engines, the layout and the passes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from vitaccel.arch import PARAMETER_BYTES, Arch, PeArrays
from vitaccel.compiler import PASS_NAMES
from vitaccel.ir import instruction
from vitaccel.ir.instruction import Engine, Instruction
from vitaccel.ir.plan import Tensor

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "program.md"
HEADING = "| instruction | engine | what | fields |\n|---|---|---|---|\n"


def instructions() -> list[type[Instruction]]:
    """Instructions a machine can fetch, as the module defines them."""
    found = [
        value for value in vars(instruction).values() if isinstance(value, type) and issubclass(value, Instruction)
    ]
    return [kind for kind in found if hasattr(kind, "mnemonic")]


def row(kind: type[Instruction]) -> str:
    meaning = re.sub(r":class:`([^`]*)`", r"``\1``", " ".join((kind.__doc__ or "").split())).replace("``", "`")
    base = {f.name for f in fields(Instruction)}
    shown = ", ".join(_field(f.name, f.default) for f in fields(kind) if f.name not in base)
    return f"| `{kind.mnemonic}` | {kind.engine.name.lower()} | {meaning} | {shown} |\n"


def _field(name: str, default: object) -> str:
    return f"`{name}`" if default is MISSING else f"`{name}={default!s}`" if default != "" else f'`{name}=""`'


def table() -> str:
    return HEADING + "".join(row(kind) for kind in instructions())


def written() -> str:
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    section = PAGE.read_text(encoding="utf-8").split("## Instructions")[1].split("\n## ")[0]
    return (line for line in section.splitlines() if line.startswith("|"))


def test_the_table_of_instructions_is_the_code_s(pytestconfig: pytest.Config) -> None:
    if pytestconfig.option.update_golden:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(text.replace(written() or "INSTRUCTIONS\n", table()), encoding="utf-8")
    assert written() == table(), "after a change of instruction.py: pytest --update-golden, and read the page"


def test_every_instruction_is_taken_by_the_engine_the_page_says() -> None:
    rows = re.findall(r"^\| (\w+) \| ((?:`\w+`(?:, )?)+) \|", PAGE.read_text(encoding="utf-8"), re.M)
    said = {engine: set(re.findall(r"`(\w+)`", taken)) for engine, taken in rows}
    for engine in Engine:
        assert said[engine.name.lower()] == {kind.mnemonic for kind in instructions() if kind.engine is engine}


def test_the_place_of_a_channel_is_the_formula_s() -> None:
    formula = re.search(r"^channel_words = (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert formula is not None
    for side, count, element_bytes in ((8, 1, 1), (32, 3, 2), (16, 4, 1), (12, 2, 1), (5, 3, 2)):
        arch = Arch(array=PeArrays(side=side, count=count))
        tensor = Tensor(name="x", frames=1, tokens=1, channels=999, element_bytes=element_bytes)
        for channel in range(tensor.channels):
            names = {"c": channel, "L": math.lcm(side, 8), "arrays": count}
            assert tensor.channel_words(arch, channel) == eval(formula.group(1), {}, names)


def test_the_passes_are_in_order_and_their_files_exist() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(passes/\w+\.py)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert [name for name, _ in rows] == list(PASS_NAMES[1:])
    assert all((ROOT / "vitaccel" / file).exists() for _, file in rows)


def test_a_parameter_set_is_as_long_as_the_page_says() -> None:
    said = re.search(r"int32 bias, 18-bit\s+multiplier, 6-bit shift: (\d+) bytes", PAGE.read_text(encoding="utf-8"))
    assert said is not None
    assert int(said.group(1)) == PARAMETER_BYTES
