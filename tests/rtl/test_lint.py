"""Lint: clean components say nothing, a width bug is told, and every waiver has a reason and a use."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise

import pytest
from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.lint import WAIVERS, lint, lint_icarus
from vitaccel_rtl.verilog import Verilog, to_verilog


class Selector(wiring.Component):
    """Ports called a, b, s and interrupt, a multiplexer, sums, shifts, comparisons: all that waivers are for."""

    def __init__(self) -> None:
        ports = {"a": In(8), "b": In(8), "s": In(4), "few": In(8), "o": Out(8), "interrupt": Out(1)}
        results = {
            "sum": Out(9),
            "difference": Out(9),
            "either": Out(8),
            "unlike": Out(8),
            "high": Out(4),
            "left": Out(12),
            "than": Out(5),
        }
        super().__init__(ports | results)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Called as a signal inside of it.
        m.submodules.control = inner = Register()
        m.submodules.entries = other = Register()
        forgotten = Signal(8)
        m.d.comb += [forgotten.eq(self.a), inner.i.eq(self.a), other.i.eq(inner.o), self.sum.eq(inner.o + self.b[:4])]
        m.d.comb += [
            self.difference.eq(self.b - self.s),
            self.either.eq(self.a | self.s),
            self.unlike.eq(self.a ^ self.s),
        ]
        m.d.comb += [self.high.eq(other.o >> self.s), self.left.eq(self.b << self.s[:2])]
        m.d.comb += self.than.eq(Cat(self.a == 3, self.a != 5, self.a > 6, self.b < 9, self.a >= self.s))
        m.d.comb += self.interrupt.eq(self.o.any() | self.few[0])
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
        control = Signal(8)
        entries = Signal(8)
        m.d.comb += [control.eq(self.i + 1), entries.eq(control + self.i)]
        m.d.sync += self.o.eq(entries)
        return m


@pytest.fixture(scope="module")
def selector() -> Verilog:
    return to_verilog(Selector(), name="selector")


def rules(said: tuple[str, ...]) -> set[str]:
    return {match[1] for line in said if (match := re.match(r"%Warning-(\w+):", line))}


def test_generated_verilog_is_clean(selector: Verilog) -> None:
    assert lint(selector) == ()


WAIVER = re.compile(r'lint_off -rule (\w+) -file "\*" -match "(.+)"')


def test_every_waiver_is_of_one_kind_of_message_and_has_a_reason() -> None:
    _, *lines = WAIVERS.read_text().splitlines()
    for before, line in pairwise(lines):
        if line.startswith("lint_off"):
            assert WAIVER.fullmatch(line), f"no rule is off for all that it says: {line}"
            assert before.startswith(("// ", "lint_off")), line
    assert not any(line and not line.startswith(("// ", "lint_off")) for line in lines)


def test_every_waiver_is_used_and_no_other_is_needed(selector: Verilog) -> None:
    said = [re.fullmatch(r"%Warning-(\w+): [^ ]+ (.+)", line) for line in lint(selector, waivers=None)]
    messages = {(match[1], match[2]) for match in said if match}
    for rule, pattern in WAIVER.findall(WAIVERS.read_text()):
        assert any(rule == of and fnmatchcase(message, pattern) for of, message in messages), pattern
    assert rules(lint(selector, waivers=None)) == {rule for rule, _ in WAIVER.findall(WAIVERS.read_text())}


def test_a_waiver_of_widths_is_of_one_message(selector: Verilog) -> None:
    said = [line for line in lint(selector, waivers=None) if "WIDTHTRUNC" in line]
    assert sorted({re.findall(r"LOGNOT|SHIFTR", line)[0] for line in said}) == ["LOGNOT", "SHIFTR"]


def test_a_width_bug_is_told(selector: Verilog) -> None:
    text = selector.text.replace("output [7:0] o;", "output [6:0] o;").replace("reg [7:0] o =", "reg [6:0] o =")
    assert rules(lint(replace(selector, text=text))) == {"WIDTHTRUNC"}


@pytest.mark.parametrize("operand", ["b", "b & s"])
def test_an_assignment_of_less_than_its_width_is_told(operand: str, selector: Verilog) -> None:
    text, count = re.subn(r"assign sum = [^;]+;", f"assign sum = {operand};", selector.text)
    assert count == 1
    assert rules(lint(replace(selector, text=text))) == {"WIDTHEXPAND"}


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
