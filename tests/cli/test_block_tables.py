from __future__ import annotations

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel.cli.block_tables import block_records, block_table

BLOCKS = (
    Block(
        name="one",
        summary="does one thing",
        options=(lanes(4), Option(name="bits", default=8, values=(8, 16), summary="width")),
        make=dict,
    ),
    Block(name="two", summary="has no options", options=(), make=dict),
)


def test_a_row_for_every_option() -> None:
    assert block_table(BLOCKS).rows == (
        ("one", "lanes", "4", "1 to 256", "P, elements of a word", "does one thing"),
        ("", "bits", "8", "8 or 16", "width", ""),
        ("two", "", "", "", "", "has no options"),
    )


def test_records() -> None:
    one, two = block_records(BLOCKS)
    size, bits = one["options"]
    assert (size["choices"], size["minimum"], size["maximum"]) == ([], 1, 256)
    assert (bits["choices"], bits["minimum"], bits["maximum"]) == ([8, 16], None, None)
    assert two == {"name": "two", "summary": "has no options", "options": []}
