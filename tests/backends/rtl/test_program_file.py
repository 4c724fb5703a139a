"""Programs to bytes and back; files that are none are refused in one sentence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.rtl.programs import MACHINE, SMALL, programs
from vitaccel.backends.rtl.program_file import Coded, ProgramFile, decode_program, encode_program
from vitaccel.errors import VitaccelError
from vitaccel_rtl.accelerator.isa import HEADER_BYTES, INSTRUCTION_BYTES, OPERATIONS

CONTENT = encode_program(SMALL)
UNKNOWN = (
    "operation of instruction 1 of f must be one of 1 (load), 2 (store), 3 (matmul), 4 (attention), 5 (lane),"
    " 6 (route), 7 (gather), 8 (scatter_add), not 0"
)


def refuses(content: bytes, sentence: str) -> None:
    with pytest.raises(VitaccelError, match=f"^{re.escape(sentence)}$"):
        decode_program(content, "f")


def changed(at: int, value: int) -> bytes:
    return CONTENT[:at] + bytes([value]) + CONTENT[at + 1 :]


@given(programs)
def test_what_is_written_is_read(program: ProgramFile) -> None:
    content = encode_program(program)
    assert len(content) == HEADER_BYTES + INSTRUCTION_BYTES * len(program.instructions)
    assert decode_program(content) == program


@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 255))
def test_a_byte_that_differs_is_read_as_it_is_or_refused(at: int, value: int) -> None:
    content = changed(at, value)
    try:
        program = decode_program(content)
    except VitaccelError:
        return
    assert encode_program(program) == content


@given(st.binary(max_size=200))
def test_bytes_are_a_program_or_refused(content: bytes) -> None:
    with pytest.raises(VitaccelError, match=r"^[^\n]*$"):
        decode_program(content)


@given(st.integers(0, 7), st.dictionaries(st.integers(4, INSTRUCTION_BYTES - 1), st.integers(0, 255), max_size=5))
def test_an_instruction_is_read_as_it_is_or_refused(code: int, others: dict[int, int]) -> None:
    instruction = bytes([code, *(others.get(at, 0) for at in range(1, INSTRUCTION_BYTES))])
    content = encode_program(ProgramFile(machine=MACHINE, instructions=()))
    content = content[:8] + bytes([1]) + content[9:] + instruction
    try:
        program = decode_program(content)
    except VitaccelError:
        return
    assert encode_program(program) == content


def test_the_bytes_are_those_of_the_tables() -> None:
    assert CONTENT[:4] == b"VITA"
    assert int.from_bytes(CONTENT[8:12], "little") == 5
    second = CONTENT[HEADER_BYTES + INSTRUCTION_BYTES :][:INSTRUCTION_BYTES]
    words = OPERATIONS["matmul"].encode(SMALL.instructions[1].fields)
    assert second == b"".join(word.to_bytes(4, "little") for word in words)


def test_a_file_that_is_no_program_is_refused() -> None:
    refuses(b"VITA", "f must begin with a header of 64 bytes, not end after 4")
    refuses(changed(0, 0x50), "f must begin with 0x41544956, not 0x41544950: it is no program")
    refuses(changed(4, 9), "instruction set of f must be version 3, not 9")
    refuses(changed(48, 1), "f must have zeros behind the 12 words of its header")
    refuses(CONTENT[:-1], "f must have 704 bytes, a header and 5 instructions, not 703")
    refuses(CONTENT + b"\0", "f must have 704 bytes, a header and 5 instructions, not 705")
    refuses(changed(HEADER_BYTES + INSTRUCTION_BYTES, 0), UNKNOWN)
    at = HEADER_BYTES + 4 * INSTRUCTION_BYTES + 127
    refuses(changed(at, 0x80), "bits of word 31 of instruction 4 of f that no field has must be 0, not 0x80000000")


@pytest.mark.parametrize(
    ("coded", "sentence"),
    [
        (
            ("jump", {}),
            "operation of instruction 0 must be one of load, store, matmul, attention, lane, route, gather,"
            " scatter_add, not 'jump'",
        ),
        (("load", {"rows": 1 << 16}), "instruction 0: rows of load must be 0 to 65535, not 65536"),
        (("load", {"rows": -1}), "instruction 0: rows of load must be 0 to 65535, not -1"),
    ],
)
def test_what_no_program_can_have_is_refused(coded: tuple[str, dict[str, int]], sentence: str) -> None:
    instruction = Coded(operation=coded[0], fields=coded[1])
    with pytest.raises(VitaccelError, match=f"^{re.escape(sentence)}$"):
        encode_program(ProgramFile(machine=MACHINE, instructions=(instruction,)))


def test_an_unknown_field_is_named() -> None:
    instruction = Coded(operation="load", fields={"row": 1})
    with pytest.raises(VitaccelError, match=r"^instruction 0: field of load must be one of .*, not 'row'$"):
        encode_program(ProgramFile(machine=MACHINE, instructions=(instruction,)))


def test_the_machine_must_be_whole() -> None:
    with pytest.raises(VitaccelError, match=r"^parameters of a program's machine must be side, .*, not side$"):
        encode_program(ProgramFile(machine={"side": 8}, instructions=()))
    with pytest.raises(VitaccelError, match=r"^arrays of a program must be 0 to 4294967295, not 4294967296$"):
        encode_program(ProgramFile(machine={**MACHINE, "arrays": 1 << 32}, instructions=()))
