from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.register_map import Field, Register, address_bits, c_header, check_map, from_json, markdown, to_json

MAP = (
    Register(name="status", address=0x4, access="read-only", bits=9, summary="What the machine does.", fields=(
        Field(name="state", low=4, bits=3, summary="0 idle, 1 runs, 2 stopped | failed."),
        Field(name="busy", low=0, summary="It runs."),
    )),
    Register(name="control", address=0x0, access="write-pulse", bits=2, summary="Starts and stops.", fields=(
        Field(name="start", low=0), Field(name="stop", low=1),
    )),
    Register(name="interrupts", address=0x8, access="write-1-to-clear", bits=4, reset=0x8),
    Register(name="program", address=0x104, reset=0x80000000, summary="Where the program is."),
)  # fmt: skip


def test_the_table_for_people(golden: Callable[[str, str], None]) -> None:
    golden("rtl/registers.md", markdown(MAP))


def test_the_header_for_c(golden: Callable[[str, str], None]) -> None:
    golden("rtl/registers.h", c_header(MAP, prefix="vitaccel"))


def test_json_for_tools(golden: Callable[[str, str], None]) -> None:
    golden("rtl/registers.json", to_json(MAP))


def test_the_order_of_declaration_does_not_matter() -> None:
    turned = MAP[::-1]
    assert check_map(turned) == check_map(MAP)
    assert markdown(turned) == markdown(MAP)
    assert c_header(turned, prefix="x") == c_header(MAP, prefix="x")
    assert to_json(turned) == to_json(MAP)


def test_json_and_back() -> None:
    assert from_json(to_json(MAP)) == check_map(
        tuple(Register(**{**vars(r), "fields": tuple(sorted(r.fields, key=lambda f: f.low))}) for r in MAP)
    )
    for text in ("", "{}", "[]", '{"registers": [{"name": "x"}]}', '{"registers": 1}'):
        with pytest.raises(ValueError, match=r"JSON|Expecting value"):
            from_json(text)


def test_json_holds_every_value() -> None:
    registers = tuple(
        Register(**{**values, "fields": tuple(Field(**field) for field in values["fields"])})
        for values in json.loads(to_json(MAP))["registers"]
    )
    by_bit = {register.name: sorted(register.fields, key=lambda field: field.low) for register in MAP}
    assert [(r.name, list(r.fields)) for r in registers] == [(r.name, by_bit[r.name]) for r in check_map(MAP)]
    assert [(r.address, r.access, r.bits, r.reset, r.summary) for r in registers] == [
        (r.address, r.access, r.bits, r.reset, r.summary) for r in check_map(MAP)
    ]


def test_a_compiler_reads_the_header_as_the_map_says(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    assert compiler is not None
    (tmp_path / "registers.h").write_text(c_header(MAP, prefix="vitaccel"))
    checks = [f'static_assert(VITACCEL_{r.name.upper()}_OFFSET == {r.address}, "");' for r in MAP]
    checks += [
        f"static_assert(VITACCEL_{r.name.upper()}_{f.name.upper()}_MASK == {f.mask}"
        f" && VITACCEL_{r.name.upper()}_{f.name.upper()}_SHIFT == {f.low}, \"\");"
        for r in MAP for f in r.fields
    ]  # fmt: skip
    source = tmp_path / "check.cpp"
    source.write_text('#include "registers.h"\n#include "registers.h"\n' + "\n".join(checks) + "\n")
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    source.write_text(source.read_text().replace("OFFSET == 4,", "OFFSET == 8,"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_a_field_knows_its_bits() -> None:
    field = Field(name="state", low=4, bits=3)
    assert (field.high, field.mask) == (6, 0x70)
    assert Field(name="all", low=0, bits=32).mask == Register(name="r", address=0).mask == 0xFFFFFFFF


@pytest.mark.parametrize(("last", "bits"), [(0x0, 3), (0x4, 3), (0x8, 4), (0xC, 4), (0x10, 5), (0x1FC, 9), (0x200, 10)])
def test_an_address_is_as_wide_as_the_map_needs(last: int, bits: int) -> None:
    assert address_bits((Register(name="only", address=last),)) == bits


@pytest.mark.parametrize("name", ["Control", "0start", "a-b", "a__b", "a_", "", "a b", "é"])
def test_names_are_identifiers(name: str) -> None:
    refuses(f"name of a register must be a lower-case identifier, not {name!r}", Register, name=name, address=0)
    refuses(f"name of a field must be a lower-case identifier, not {name!r}", Field, name=name, low=0)
    refuses(f"prefix of a header must be a lower-case identifier, not {name!r}", c_header, MAP, prefix=name)


def test_registers_that_cannot_be_are_refused() -> None:
    refuses("address of register 'a' must be a multiple of 4, not 0x6", Register, name="a", address=6)
    refuses("address of register 'a' must be an integer from 0 to 4294967295, not -4", Register, name="a", address=-4)
    refuses(
        "access of register 'a' must be one of read-write, read-only, write-1-to-clear, write-pulse, not 'rw'",
        Register, name="a", address=0, access="rw",
    )  # fmt: skip
    refuses("bits of register 'a' must be an integer from 1 to 32, not 33", Register, name="a", address=0, bits=33)
    refuses(
        "reset of register 'a' must be an integer from 0 to 15, not 16", Register, name="a", address=0, bits=4, reset=16
    )
    for access in ("read-only", "write-pulse"):
        message = f"reset of {access} register 'a' must be 0, not 1"
        refuses(message, Register, name="a", address=0, access=access, reset=1)
    message = "summary of register 'a' must be one line that ends no comment, not 'x */'"
    refuses(message, Register, name="a", address=0, summary="x */")


def test_fields_that_overlap_or_do_not_fit_are_refused() -> None:
    def register(*fields: Field) -> Register:
        return Register(name="a", address=0, bits=8, fields=fields)

    low, high = Field(name="low", low=0, bits=4), Field(name="high", low=4, bits=4)
    register(high, low)
    message = "field 'over' of register 'a' must have bits of its own, not those of field 'high'"
    refuses(message, register, low, high, Field(name="over", low=7))
    refuses("field 'out' of register 'a' must end at bit 7, not at bit 8", register, Field(name="out", low=7, bits=2))
    refuses("field 'low' of register 'a' must be declared once, not twice", register, low, Field(name="low", low=5))
    refuses("low of field 'f' must be an integer from 0 to 31, not 32", Field, name="f", low=32)
    refuses("bits of field 'f' must be an integer from 1 to 32, not 0", Field, name="f", low=0, bits=0)


def test_maps_with_overlaps_are_refused() -> None:
    a, b = Register(name="a", address=0), Register(name="b", address=4)
    for use in (check_map, markdown, to_json, address_bits):
        refuses("a register map must have a register, not none", use, ())
        message = "register 'c' must have an address of its own, not that of 'b'"
        refuses(message, use, (a, b, Register(name="c", address=4)))
        refuses("register 'a' must be declared once, not twice", use, (a, b, Register(name="a", address=8)))


def test_constants_of_the_same_name_are_refused() -> None:
    registers = (
        Register(name="dma", address=0, fields=(Field(name="read_mask", low=0), Field(name="x", low=1))),
        Register(name="dma_read", address=4, fields=(Field(name="mask", low=0),)),
    )
    message = "constant X_DMA_READ_MASK_SHIFT must mean one thing, not two: rename a register or a field"
    refuses(message, c_header, registers, prefix="x")


def test_a_cell_that_holds_a_bar_stays_one_cell() -> None:
    rows = [line for line in markdown(MAP).splitlines() if line]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7, 5}
