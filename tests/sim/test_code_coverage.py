"""Figures and gaps of Verilator's coverage, on text as Verilator writes it."""

from __future__ import annotations

import pytest

from vitaccel_sim.code_coverage import joined, read_code_coverage


def point(kind: str, module: str, line: int, what: str, count: int, instance: str = "top") -> str:
    key = {"f": "top.sv", "l": line, "t": kind, "page": f"v_{kind}/{module}", "o": what, "h": instance}
    return "C '" + "".join(f"\x01{name}\x02{value}" for name, value in key.items()) + f"' {count}\n"


HEAD = "# SystemC::Coverage-3\n"


def test_instances_of_a_module_count_together() -> None:
    text = HEAD + point("line", "lane", 7, "block", 0, "top.a") + point("line", "lane", 7, "block", 3, "top.b")
    text += point("line", "lane", 9, "else", 0)
    coverage = read_code_coverage(text)
    assert (coverage.lines_hit, coverage.lines, coverage.line_share) == (1, 2, 0.5)
    assert coverage.missed == ("lane line 9: else",)


def test_edges_are_counted_apart_and_bits_that_lack_one_are_named() -> None:
    text = HEAD
    for bit in range(6):
        for edge in ("0->1", "1->0"):
            text += point(
                "toggle", "lane", 3, f"o___05Fpayload__02elast[{bit}]:{edge}", int(bit == 2 and edge == "0->1")
            )
    text += point("toggle", "lane", 4, "valid:0->1", 5)
    coverage = read_code_coverage(text)
    assert (coverage.toggles_hit, coverage.toggles) == (2, 13)
    assert coverage.still == tuple(f"lane o__payload.last[{bit}]" for bit in (5, 4, 3, 2, 1, 0))
    assert read_code_coverage(HEAD).toggle_share == 1.0


def test_a_signal_with_fields_is_counted_and_its_bits_are_named_once() -> None:
    text = HEAD + point("toggle", "lane", 3, "o[7]:0->1", 0) + point("toggle", "lane", 3, "o__02Elanes[1][3]:0->1", 0)
    text += point("toggle", "lane", 3, "o__02Elanes[7]:0->1", 0) + point("toggle", "lane", 4, "ones[7]:0->1", 0)
    coverage = read_code_coverage(text)
    assert (coverage.toggles_hit, coverage.toggles) == (0, 4)
    assert coverage.still == ("lane o.lanes[1][3]", "lane ones[7]")


def test_bits_of_a_signal_are_joined_in_runs() -> None:
    bits = ["lane sum[3]", "lane sum[0]", "lane sum[4]", "lane o.lanes[1][3]", "lane o.lanes[0][3]"]
    assert joined(bits) == ["lane o.lanes[0][3]", "lane o.lanes[1][3]", "lane sum[4:3, 0]"]


def test_other_text_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^coverage must begin with '# SystemC::Coverage', not 'nothing'$"):
        read_code_coverage("nothing")
