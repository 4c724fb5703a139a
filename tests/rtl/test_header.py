# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: headers need no netlist)
"""The header of generated Verilog: golden text of one block, and what every header says."""

from __future__ import annotations

import re
from collections.abc import Callable

from amaranth import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.arbiter import Arbiter
from vitaccel_rtl.header import MARK, ONE_WORD_A_CYCLE, SAME_WORDS, STREAM_RULES, header, ordered, stream_rules, timing
from vitaccel_rtl.ports import Port
from vitaccel_rtl.stream import SkidBuffer, lane_word
from vitaccel_rtl.verilog import to_verilog


def comment(text: str) -> str:
    return text[: text.index("\n\n") + 1]


def test_the_header_of_a_block(golden: Callable[[str, str], None]) -> None:
    block = SkidBuffer(lane_word(4, signed(16), offset=signed(32)))
    verilog = to_verilog(block, name="slice_lanes4", options={"lanes": "4: P", "bits": "16: width"})
    golden("rtl/slice_lanes4.header.txt", comment(verilog.text))


class Counter(wiring.Component):
    """Counts."""

    def __init__(self) -> None:
        super().__init__({"enable": In(1), "count": Out(4), "nothing": Out(0)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.count.eq(self.count + 1)
        return m


def test_a_component_without_streams_has_no_rules_of_streams() -> None:
    text = comment(to_verilog(Counter(), name="counter").text)
    assert f"// {MARK} from {__name__}.Counter; do not edit." in text
    assert "output  count       4  unsigned 4 bits\n" in text
    assert "nothing" not in text
    assert "Options" not in text
    assert "throughput" not in text
    assert not any(rule in text for rule in STREAM_RULES)


def test_clock_and_reset_come_first() -> None:
    names = ("count", "rst", "enable", "clk", "nothing")
    ports = [Port(name=name, width=int(name != "nothing"), is_input=True) for name in names]
    assert [port.name for port in ordered(Counter(), ports)] == ["clk", "rst", "enable", "count"]
    assert header(Counter(), "counter", ports, {}).endswith("\n\n")


def test_that_words_do_not_depend_on_when_is_said_only_where_it_holds() -> None:
    assert stream_rules(SkidBuffer(8)) == (*STREAM_RULES, SAME_WORDS)
    assert stream_rules(Arbiter(8, sources=2)) == STREAM_RULES
    assert SAME_WORDS not in comment(to_verilog(Arbiter(8, sources=2), name="arbiter").text)


def test_streams_of_an_array_are_told_one_by_one() -> None:
    arbiter = Arbiter(8, sources=2)
    text = comment(to_verilog(arbiter, name="arbiter").text)
    assert re.search(r"i__0__valid +1  stream i__0: a word is offered\n", text)
    assert timing(arbiter)["throughput"] == ONE_WORD_A_CYCLE
