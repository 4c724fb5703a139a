"""A register map as plain values, and what a user gets of it: a table for people, a header for C, JSON for tools.

Pure Python: the gateware (`vitaccel_rtl.registers`) and the three texts are made of the same tuple of registers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

ACCESSES = ("read-write", "read-only", "write-1-to-clear", "write-pulse")
"""What software may do with a register, and what the machine does with it: `Register` says which is which."""

WORD_BITS = 32
WORD_BYTES = WORD_BITS // 8

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Field:
    """Some bits of a register.

    Parameters
    ----------
    name
        Lower-case identifier, unique in its register.
    low, bits
        Lowest bit, and how many.
    summary
        For people; one line.

    Raises
    ------
    ValueError
        If the name is no identifier, or there are no bits.
    """

    name: str
    low: int
    bits: int = 1
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("name of a field", self.name)
        _check_integer(f"low of field {self.name!r}", self.low, 0, WORD_BITS - 1)
        _check_integer(f"bits of field {self.name!r}", self.bits, 1, WORD_BITS)
        _check_summary(f"summary of field {self.name!r}", self.summary)

    @property
    def high(self) -> int:
        """Highest bit."""
        return self.low + self.bits - 1

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return (1 << self.bits) - 1 << self.low


@dataclass(frozen=True, kw_only=True)
class Register:
    """One register of 32 bits or less, at an address of its own.

    Parameters
    ----------
    name
        Lower-case identifier, unique in its map.
    address
        Byte address, a multiple of 4.
    access
        ``read-write``: software writes, the machine reads. ``read-only``: the machine writes, software reads.
        ``write-1-to-clear``: the machine sets bits, software clears those that it writes 1 to.
        ``write-pulse``: bits that software writes 1 to are 1 for one cycle; software reads 0.
    bits
        Width, 1 to 32; higher bits read as 0.
    reset
        Value after a reset, of ``read-write`` and ``write-1-to-clear``.
    fields
        Parts of it, in any order; bits may belong to none.
    summary
        For people; one line.

    Raises
    ------
    ValueError
        If the name is no identifier, the address no multiple of 4, the access unknown, or a number or a field does not
        fit.
    """

    name: str
    address: int
    access: str = "read-write"
    bits: int = WORD_BITS
    reset: int = 0
    fields: tuple[Field, ...] = ()
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("name of a register", self.name)
        _check_integer(f"address of register {self.name!r}", self.address, 0, 2**32 - 1)
        if self.address % WORD_BYTES:
            raise ValueError(f"address of register {self.name!r} must be a multiple of 4, not {self.address:#x}")
        if self.access not in ACCESSES:
            known = ", ".join(ACCESSES)
            raise ValueError(f"access of register {self.name!r} must be one of {known}, not {self.access!r}")
        _check_integer(f"bits of register {self.name!r}", self.bits, 1, WORD_BITS)
        _check_integer(f"reset of register {self.name!r}", self.reset, 0, self.mask)
        if self.reset and self.access in ("read-only", "write-pulse"):
            raise ValueError(f"reset of {self.access} register {self.name!r} must be 0, not {self.reset}")
        _check_summary(f"summary of register {self.name!r}", self.summary)
        self._check_fields()

    def _check_fields(self) -> None:
        taken: dict[str, Field] = {}
        for field in self.fields:
            where = f"field {field.name!r} of register {self.name!r}"
            if field.name in taken:
                raise ValueError(f"{where} must be declared once, not twice")
            if field.high >= self.bits:
                raise ValueError(f"{where} must end at bit {self.bits - 1}, not at bit {field.high}")
            for other in taken.values():
                if field.mask & other.mask:
                    raise ValueError(f"{where} must have bits of its own, not those of field {other.name!r}")
            taken[field.name] = field

    @property
    def mask(self) -> int:
        """All bits it has."""
        return (1 << self.bits) - 1

    @property
    def is_writable(self) -> bool:
        """Whether software may write it."""
        return self.access != "read-only"


def check_map(registers: Sequence[Register]) -> tuple[Register, ...]:
    """Return registers in the order of their addresses.

    Raises
    ------
    ValueError
        If there is none, or two have the same name or the same address.
    """
    if not registers:
        raise ValueError("a register map must have a register, not none")
    by_name: dict[str, Register] = {}
    by_address: dict[int, Register] = {}
    for register in registers:
        if register.name in by_name:
            raise ValueError(f"register {register.name!r} must be declared once, not twice")
        if register.address in by_address:
            other = by_address[register.address].name
            raise ValueError(f"register {register.name!r} must have an address of its own, not that of {other!r}")
        by_name[register.name] = by_address[register.address] = register
    return tuple(by_address[address] for address in sorted(by_address))


def address_bits(registers: Sequence[Register]) -> int:
    """Return how many bits of a byte address tell the registers of a map apart, the two within a word included."""
    return max((check_map(registers)[-1].address + WORD_BYTES - 1).bit_length(), 3)


def markdown(registers: Sequence[Register]) -> str:
    """Return a map as two tables: registers in the order of their addresses, and their fields."""
    ordered = check_map(registers)
    rows = [("address", "register", "access", "bits", "reset", "what")]
    rows += [
        (f"`{r.address:#06x}`", f"`{r.name}`", r.access, str(r.bits), f"`{r.reset:#x}`", r.summary) for r in ordered
    ]
    fields = [("register", "field", "bits", "what")]
    fields += [(f"`{r.name}`", f"`{f.name}`", _bit_range(f), f.summary) for r in ordered for f in _by_bit(r)]
    tables = [rows, fields] if len(fields) > 1 else [rows]
    return "\n".join(_table(table) for table in tables)


def c_header(registers: Sequence[Register], *, prefix: str) -> str:
    """Return a map as constants for C: ``<PREFIX>_<REGISTER>_OFFSET``, and of each field its ``_SHIFT`` and ``_MASK``.

    Parameters
    ----------
    registers
        The map.
    prefix
        Begins every name; a lower-case identifier.

    Raises
    ------
    ValueError
        If the map or the prefix is not valid, or two constants would have the same name.
    """
    _check_name("prefix of a header", prefix)
    start = prefix.upper()
    lines = [f"#ifndef {start}_REGISTERS_H", f"#define {start}_REGISTERS_H", ""]
    for register in check_map(registers):
        name = f"{start}_{register.name.upper()}"
        told = f": {register.summary}" if register.summary else ""
        lines += [
            f"/* {register.access}, {register.bits} bits{told} */",
            f"#define {name}_OFFSET {register.address:#06x}u",
        ]
        if register.reset:
            lines.append(f"#define {name}_RESET {register.reset:#010x}u")
        for field in _by_bit(register):
            told = f" /* {field.summary} */" if field.summary else ""
            lines.append(f"#define {name}_{field.name.upper()}_SHIFT {field.low}u{told}")
            lines.append(f"#define {name}_{field.name.upper()}_MASK {field.mask:#010x}u")
        lines.append("")
    _check_constants(lines)
    return "\n".join([*lines, "#endif", ""])


def to_json(registers: Sequence[Register]) -> str:
    """Return a map as JSON: a list of registers in the order of their addresses, with all their values."""
    listed = [
        asdict(register) | {"fields": [asdict(f) for f in _by_bit(register)]} for register in check_map(registers)
    ]
    return json.dumps({"registers": listed}, indent=2) + "\n"


def from_json(text: str) -> tuple[Register, ...]:
    """Return the map that :func:`to_json` made a text of.

    Raises
    ------
    ValueError
        If the text is no such map.
    """
    try:
        listed = json.loads(text)["registers"]
        return check_map([Register(**r | {"fields": tuple(Field(**f) for f in r["fields"])}) for r in listed])
    except (KeyError, TypeError) as error:
        raise ValueError(f"a register map must be JSON as to_json writes it, and is not: {error}") from error


def _by_bit(register: Register) -> list[Field]:
    return sorted(register.fields, key=lambda field: field.low)


def _bit_range(field: Field) -> str:
    return str(field.low) if field.bits == 1 else f"{field.high}:{field.low}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    escaped.insert(1, ["---"] * len(rows[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)


def _check_constants(lines: Sequence[str]) -> None:
    names = [line.split()[1] for line in lines if line.startswith("#define")]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"constant {name} must mean one thing, not two: rename a register or a field")


def _check_name(what: str, name: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{what} must be a lower-case identifier, not {name!r}")


def _check_summary(what: str, summary: str) -> None:
    if "\n" in summary or "*/" in summary:
        raise ValueError(f"{what} must be one line that ends no comment, not {summary!r}")


def _check_integer(what: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{what} must be an integer from {least} to {most}, not {value!r}")
