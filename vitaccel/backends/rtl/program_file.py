"""A program as the machine fetches it: a header of 64 bytes, and 128 bytes for each instruction.

What the bytes mean is in :mod:`vitaccel_rtl.accelerator.isa`. Reading is the reverse of writing: a file that is read
without an error is written again byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vitaccel.errors import VitaccelError
from vitaccel_rtl.accelerator.isa import (
    BY_CODE,
    HEADER,
    HEADER_BYTES,
    INSTRUCTION_BYTES,
    MAGIC,
    OPERATIONS,
    VERSION,
    WORD_BITS,
    Operation,
)

PARAMETERS = tuple(field.name for field in HEADER if field.name not in ("magic", "version", "instructions"))
"""Names of the machine's parameters, in the order of the header."""

_WORD_BYTES = WORD_BITS // 8


@dataclass(frozen=True, kw_only=True)
class Coded:
    """An instruction: the name of its operation, and its fields that are not 0, ``operation`` excepted."""

    operation: str
    fields: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class ProgramFile:
    """A program and the machine that it is for.

    Parameters
    ----------
    machine
        Its parameters by the names of :data:`PARAMETERS`.
    instructions
        In the order in which they are issued.
    """

    machine: Mapping[str, int]
    instructions: tuple[Coded, ...]


def encode_program(program: ProgramFile) -> bytes:
    """Return the bytes of a program.

    Raises
    ------
    VitaccelError
        If a parameter of the machine is missing or unknown, there is no such operation or field, or a number does not
        fit its field.
    """
    if set(program.machine) != set(PARAMETERS):
        given = ", ".join(program.machine)
        raise VitaccelError(f"parameters of a program's machine must be {', '.join(PARAMETERS)}, not {given or 'none'}")
    values = {"magic": MAGIC, "version": VERSION, "instructions": len(program.instructions), **program.machine}
    for name, value in values.items():
        if not 0 <= value < 1 << WORD_BITS:
            raise VitaccelError(f"{name} of a program must be 0 to {(1 << WORD_BITS) - 1}, not {value}")
    header = _to_bytes([values[field.name] for field in HEADER]).ljust(HEADER_BYTES, b"\0")
    return header + b"".join(_encoded(place, coded) for place, coded in enumerate(program.instructions))


def _encoded(place: int, coded: Coded) -> bytes:
    operation = OPERATIONS.get(coded.operation)
    if operation is None:
        known = ", ".join(OPERATIONS)
        raise VitaccelError(f"operation of instruction {place} must be one of {known}, not {coded.operation!r}")
    try:
        return _to_bytes(operation.encode(coded.fields))
    except ValueError as error:
        raise VitaccelError(f"instruction {place}: {error}") from error


def decode_program(content: bytes, name: str = "program") -> ProgramFile:
    """Return the program that the bytes are.

    Parameters
    ----------
    content
        A whole file.
    name
        What errors call it.

    Raises
    ------
    VitaccelError
        If they are no program of this version of the instruction set, complete and with nothing behind it.
    """
    if len(content) < HEADER_BYTES:
        raise VitaccelError(f"{name} must begin with a header of {HEADER_BYTES} bytes, not end after {len(content)}")
    words = _to_words(content[:HEADER_BYTES])
    values = {field.name: words[place] for place, field in enumerate(HEADER)}
    if values["magic"] != MAGIC:
        raise VitaccelError(f"{name} must begin with {MAGIC:#010x}, not {values['magic']:#010x}: it is no program")
    if values["version"] != VERSION:
        raise VitaccelError(f"instruction set of {name} must be version {VERSION}, not {values['version']}")
    if any(words[len(HEADER) :]):
        raise VitaccelError(f"{name} must have zeros behind the {len(HEADER)} words of its header")
    length = HEADER_BYTES + INSTRUCTION_BYTES * values["instructions"]
    if len(content) != length:
        raise VitaccelError(
            f"{name} must have {length} bytes, a header and {values['instructions']} instructions, not {len(content)}"
        )
    return ProgramFile(
        machine={parameter: values[parameter] for parameter in PARAMETERS},
        instructions=tuple(
            _decoded(_to_words(content[at : at + INSTRUCTION_BYTES]), f"instruction {place} of {name}")
            for place, at in enumerate(range(HEADER_BYTES, length, INSTRUCTION_BYTES))
        ),
    )


def _decoded(words: tuple[int, ...], where: str) -> Coded:
    code = words[0] & (1 << 8) - 1
    operation = BY_CODE.get(code)
    if operation is None:
        known = ", ".join(f"{known.code} ({known.name})" for known in BY_CODE.values())
        raise VitaccelError(f"operation of {where} must be one of {known}, not {code}")
    fields = {name: value for name, value in operation.decode(words).items() if value}
    _check_unused(words, operation, fields, where)
    return Coded(operation=operation.name, fields=fields)


def _check_unused(words: tuple[int, ...], operation: Operation, fields: Mapping[str, int], where: str) -> None:
    for place, (found, expected) in enumerate(zip(words, operation.encode(fields), strict=True)):
        if found != expected:
            raise VitaccelError(
                f"bits of word {place} of {where} that no field has must be 0, not {found - expected:#x}"
            )


def _to_bytes(words: list[int] | tuple[int, ...]) -> bytes:
    return b"".join(word.to_bytes(_WORD_BYTES, "little") for word in words)


def _to_words(content: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(content[at : at + _WORD_BYTES], "little") for at in range(0, len(content), _WORD_BYTES))
