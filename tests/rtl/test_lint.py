"""Lint: clean components say nothing, a width bug is told, and every waiver has a reason and a use."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.lint import WAIVERS, lint, lint_icarus
from vitaccel_rtl.verilog import Verilog, to_verilog


class Selector(wiring.Component):
    """Ports called a, b, s and interrupt, a multiplexer of four, a sum and a shift: all that the waivers are for."""

    def __init__(self) -> None:
        ports = {"a": In(8), "b": In(8), "s": In(4), "o": Out(8), "sum": Out(9), "high": Out(4), "interrupt": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = inner = Register()
        forgotten = Signal(8)
        m.d.comb += [forgotten.eq(self.a), inner.i.eq(self.a), self.sum.eq(inner.o + self.b)]
        m.d.comb += [self.high.eq(inner.o >> self.s), self.interrupt.eq(self.o.any())]
        with m.Switch(self.s):
            for value in range(6):
                with m.Case(value):
                    m.d.sync += self.o.eq(self.a ^ (self.b << value))
        return m


class Register(wiring.Component):
    """A word, a cycle later."""

    def __init__(self) -> None:
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.i)
        return m


@pytest.fixture(scope="module")
def selector() -> Verilog:
    return to_verilog(Selector(), name="selector")


def rules(said: tuple[str, ...]) -> set[str]:
    return {match[1] for line in said if (match := re.match(r"%Warning-(\w+):", line))}


def test_generated_verilog_is_clean(selector: Verilog) -> None:
    assert lint(selector) == ()


def test_every_waiver_has_a_reason_and_is_used(selector: Verilog) -> None:
    lines = WAIVERS.read_text().splitlines()
    waived = [place for place, line in enumerate(lines) if line.startswith("lint_off")]
    assert all(lines[place - 1].startswith("// ") for place in waived)
    assert {lines[place].split()[2] for place in waived} == rules(lint(selector, waivers=None))


def test_a_waiver_of_widths_is_of_one_message(selector: Verilog) -> None:
    said = [line for line in lint(selector, waivers=None) if "WIDTHTRUNC" in line]
    assert sorted({re.findall(r"LOGNOT|SHIFTR", line)[0] for line in said}) == ["LOGNOT", "SHIFTR"]


def test_a_width_bug_is_told(selector: Verilog) -> None:
    text = selector.text.replace("output [7:0] o;", "output [6:0] o;").replace("reg [7:0] o =", "reg [6:0] o =")
    assert rules(lint(replace(selector, text=text))) == {"WIDTHTRUNC"}


def test_text_that_is_no_verilog_is_told() -> None:
    said = lint(Verilog(name="top", text="module top(; endmodule\n", ports=()))
    assert said
    assert said[0].startswith("%Error")


needs_icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not installed")


@needs_icarus
def test_icarus_has_nothing_to_say(selector: Verilog) -> None:
    assert lint_icarus(selector) == ()


@needs_icarus
def test_what_icarus_says_is_told(selector: Verilog) -> None:
    text = selector.text.replace("endmodule", "  selector_inner again (.i(a[2:0]));\nendmodule", 1)
    assert any("selector_inner" in line or "port" in line for line in lint_icarus(replace(selector, text=text)))
    assert lint_icarus(Verilog(name="top", text="module top(; endmodule\n", ports=()))


def test_a_missing_icarus_is_told(selector: Verilog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(FileNotFoundError, match=r"^Icarus must be installed, and it is not: "):
        lint_icarus(selector)
