"""A program in words, the same every time."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given

from tests.backends.rtl.programs import MACHINE, SMALL, programs
from vitaccel.backends.rtl.disassembly import disassembly, named, waits_of
from vitaccel.backends.rtl.program_file import Coded, ProgramFile
from vitaccel_rtl.accelerator.isa import OPERATIONS


def test_the_small_program(golden: Callable[[str, str], None]) -> None:
    golden("disassembly.txt", disassembly(SMALL))


def test_a_program_without_instructions_is_its_head() -> None:
    head = disassembly(ProgramFile(machine=MACHINE, instructions=()))
    assert head.startswith("instruction set 3; 0 instructions; side 8, arrays 1, ")
    assert head.count("\n") == 1


@given(programs)
def test_every_field_that_is_not_0_is_shown(program: ProgramFile) -> None:
    head, *lines = disassembly(program).splitlines()
    assert f"side {program.machine['side']}" in head
    for place, (line, coded) in enumerate(zip(lines, program.instructions, strict=True)):
        number, operation, *shown = line.split()
        assert (number, operation) == (str(place), coded.operation)
        names = {part.partition("=")[0] for part in shown}
        own = {field.name for field in OPERATIONS[coded.operation].fields}
        assert names >= own & set(coded.fields)
        assert all(f"{engine}:{count}" in line for engine, count in waits_of(coded).items())


def test_numbers_have_names_where_there_are_any() -> None:
    assert named("buffer", 1) == "weight"
    assert named("function", 15) == "15"


def test_what_an_instruction_does_not_wait_for_is_left_out() -> None:
    assert waits_of(Coded(operation="load", fields={"wait_store": 3, "rows": 2})) == {"store": 3}
