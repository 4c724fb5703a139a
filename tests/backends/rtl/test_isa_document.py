"""The page of the instruction set has every field of the tables, each once and in its place."""

from __future__ import annotations

import re

import pytest

from vitaccel.backends.rtl.isa_document import isa_document
from vitaccel_rtl.accelerator.isa import COMMON_PLACES, FIRST_OWN_WORD, HEADER, OPERATIONS, Operation

PAGE = isa_document()
ROW = re.compile(r"^\| (\d+) \| (?:(\d+):)?(\d+) \| `(\w+)` \| (.+) \| (.+) \|$", re.MULTILINE)


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}")[1].split("\n## ")[0]


def rows(text: str) -> list[tuple[int, int, int, str]]:
    """Word, lowest bit, bits and name of every field of a table."""
    found = ((int(word), int(low), int(high or low), name) for word, high, low, name, _, _ in ROW.findall(text))
    return [(word, low, high - low + 1, name) for word, low, high, name in found]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
def test_fields_are_where_the_tables_have_them(operation: Operation) -> None:
    own = [placed for placed in operation.places if placed.word >= FIRST_OWN_WORD]
    expected = [(placed.word, placed.low, placed.field.bits, placed.field.name) for placed in own]
    assert rows(section(f"`{operation.name}`")) == expected


def test_common_fields_are_where_the_tables_have_them() -> None:
    expected = [(word, low, field.bits, field.name) for field, word, low in COMMON_PLACES]
    assert rows(section("Every instruction")) == expected


def test_the_header_is_whole() -> None:
    assert re.findall(r"^\| \d+ \| `(\w+)` \|", section("Header"), re.MULTILINE) == [field.name for field in HEADER]


def test_tables_have_as_many_columns_in_every_row() -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE):
        assert len({line.count(" | ") for line in table.splitlines() if "---" not in line}) == 1, table
