"""A program in words: a line for the machine, a line for each instruction."""

from __future__ import annotations

from collections.abc import Iterator

from vitaccel.backends.rtl.program_file import Coded, ProgramFile
from vitaccel_rtl.accelerator.isa import (
    ATTENTION_MODES,
    BUFFERS,
    ENGINES,
    LANE_FUNCTIONS,
    OPERATIONS,
    VERSION,
)

NAMED = {"buffer": BUFFERS, "function": LANE_FUNCTIONS, "mode": ATTENTION_MODES}
"""Fields whose numbers have names."""

FLAGS = ("has_", "is_", "by_", "keeps_", "b_is_", "a_is_", "takes_", "begins_")
"""How names of fields begin that are there or not."""

IN_HEXADECIMAL = ("dram", "numerics")


def disassembly(program: ProgramFile) -> str:
    """Return a program as text, the same for the same program; fields that are 0 are left out."""
    machine = ", ".join(
        f"{name} {value:#x}" if name in IN_HEXADECIMAL else f"{name} {value}" for name, value in program.machine.items()
    )
    count = len(program.instructions)
    head = f"instruction set {VERSION}; {count} instruction{'s' * (count != 1)}; {machine}"
    place_width = len(str(max(count - 1, 0)))
    lines = (f"{place:{place_width}}  {_line(coded)}" for place, coded in enumerate(program.instructions))
    return "".join(f"{line}\n" for line in (head, *lines))


def waits_of(coded: Coded) -> dict[str, int]:
    """Return how many instructions of each engine must have completed, where it waits for any."""
    waits = {engine: coded.fields.get(f"wait_{engine}", 0) for engine in ENGINES}
    return {engine: count for engine, count in waits.items() if count}


def _line(coded: Coded) -> str:
    waits = " ".join(f"{engine}:{count}" for engine, count in waits_of(coded).items())
    return f"{coded.operation:9}  after {waits or 'nothing'};  {' '.join(_fields(coded))}".rstrip()


def _fields(coded: Coded) -> Iterator[str]:
    if "has_expert" in coded.fields:
        yield f"expert={coded.fields.get('expert', 0)}"
    for field in OPERATIONS[coded.operation].fields:
        value = coded.fields.get(field.name, 0)
        if field.name in NAMED:
            yield f"{field.name}={named(field.name, value)}"
        elif value and field.bits == 1 and field.name.startswith(FLAGS):
            yield field.name
        elif value:
            yield f"{field.name}={value:#x}" if field.name in IN_HEXADECIMAL else f"{field.name}={value}"


def named(field: str, value: int) -> str:
    """Return the name of a number of a field of :data:`NAMED`, or the number where it has none."""
    names = NAMED[field]
    return names[value] if value < len(names) else str(value)
