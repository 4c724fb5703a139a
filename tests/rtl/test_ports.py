# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth)
"""Where the fields of a payload are: the bits that Amaranth puts them in."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Const, Shape, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.ports import Field, Port, fields, shapes, streams

PAIR = data.StructLayout({"index": unsigned(4), "value": signed(12)})
WORD = data.StructLayout(
    {"lanes": data.ArrayLayout(signed(8), 3), "pairs": data.ArrayLayout(PAIR, 2), "none": unsigned(0), "last": 1}
)


def test_fields_of_a_nested_word() -> None:
    assert [(field.name, field.bits, field.format, field.element) for field in fields(WORD)] == [
        ("lanes", "[23:0]", "3 x signed 8 bits", "[8*n +: 8]"),
        ("pairs.index", "[43:24]", "2 x unsigned 4 bits", "[24 + 16*n +: 4]"),
        ("pairs.value", "[55:28]", "2 x signed 12 bits", "[28 + 16*n +: 12]"),
        ("last", "[56]", "1 bit", ""),
    ]
    (grid,) = fields(data.ArrayLayout(data.ArrayLayout(5, 4), 2))
    assert (grid.bits, grid.format, grid.element) == ("[39:0]", "2 x 4 x unsigned 5 bits", "[20*n + 5*k +: 5]")
    assert fields(signed(7)) == (Field(name="", offset=0, width=7, is_signed=True),)
    assert fields(data.ArrayLayout(3, 0)) == ()


def test_an_element_is_where_amaranth_puts_it(seed: int) -> None:
    rng = random.Random(seed)
    value = {
        "lanes": [rng.randrange(-128, 128) for _ in range(3)],
        "pairs": [{"index": rng.randrange(16), "value": rng.randrange(-2048, 2048)} for _ in range(2)],
        "none": 0,
        "last": 1,
    }
    bits = Const.cast(WORD.const(value)).value
    for field in fields(WORD):
        for n in range(field.repeats[0][0] if field.repeats else 1):
            place = field.offset + (n * field.repeats[0][1] if field.repeats else 0)
            found = bits >> place & (1 << field.width) - 1
            of_field = value
            for key in field.name.split("."):
                of_field = of_field[key][n] if isinstance(of_field[key], list) else of_field[key]  # type: ignore
            assert found == of_field % (1 << field.width), field  # type: ignore[operator]


class Bus(wiring.Component):
    """Streams of both directions, one of them inside of an interface."""

    def __init__(self) -> None:
        reads = wiring.Signature({"r": In(stream.Signature(PAIR)), "error": Out(1)})
        super().__init__(
            {
                "i": In(stream.Signature(WORD)),
                "bus": In(reads),
                "level": Out(range(9)),
                "o": Out(stream.Signature(PAIR)).array(2),
            }
        )

    def elaborate(self, platform: object) -> None:
        raise AssertionError("the ports are known without")


def test_shapes_and_streams_by_their_names_in_verilog() -> None:
    found = shapes(Bus())
    assert found["i__payload"] == WORD
    assert found["bus__r__payload"] == PAIR
    assert Shape.cast(found["level"]) == unsigned(4)
    assert streams(Bus()) == ("i", "bus__r", "o__0", "o__1")
    assert {f"{name}__payload" for name in streams(Bus())} <= set(found)


@pytest.mark.parametrize(("width", "bits"), [(8, "[7:0]"), (1, "")])
def test_the_range_of_a_port(width: int, bits: str) -> None:
    assert Port(name="a", width=width, is_input=True).bits == bits
