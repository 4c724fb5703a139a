"""What is said of fields and operations is said of ones that exist, and of all of them."""

from __future__ import annotations

import re
from pathlib import Path

from vitaccel.backends.rtl.isa_legal import AT_LEAST_1, MEANINGS, SPECIAL, UP_TO_SIDE, hazards, legal, meaning
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS, OPERATIONS

REFERENCE = Path(__file__).parents[3] / "vitaccel"
FIELDS = {placed.field.name for operation in OPERATIONS.values() for placed in operation.places}


def test_every_operation_has_a_meaning_and_no_other() -> None:
    assert set(MEANINGS) == set(OPERATIONS)


def test_every_field_named_exists() -> None:
    for name in (*AT_LEAST_1, *UP_TO_SIDE, *SPECIAL):
        assert name in FIELDS, name


def test_every_file_named_exists() -> None:
    named = {name for operation in OPERATIONS for name in re.findall(r"`(reference/\w+\.py)`", meaning(operation))}
    assert len(named) >= 6
    for name in named:
        assert (REFERENCE / name).exists(), name


def test_every_function_of_the_lanes_has_a_meaning() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", meaning("lane"), re.MULTILINE)) == LANE_FUNCTIONS


def test_ranges_are_in_words() -> None:
    assert legal("last_rows", 16) == "1 to P"
    assert legal("depth", 16) == "1 to 2^16 - 1"
    assert legal("a", 20) == "0 to 2^20 - 1"
    assert legal("expert", 8) == "0 to 255"
    assert legal("is_wide", 1) == "0, 1"


def test_hazards_are_a_list() -> None:
    *others, last = hazards()
    assert all(one.endswith(";") for one in others)
    assert last.endswith(".")
