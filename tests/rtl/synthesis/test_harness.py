from __future__ import annotations

import re

import pytest

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.lint import lint
from vitaccel_rtl.synthesis.harness import NAME, harness
from vitaccel_rtl.verilog import Port, Verilog, to_verilog


def ports(*described: tuple[str, int, bool]) -> tuple[Port, ...]:
    return tuple(Port(name=name, width=width, is_input=is_input) for name, width, is_input in described)


def test_every_bit_is_driven_and_read() -> None:
    inputs = (("clk", 1, True), ("x", 3, True), ("none", 0, True), ("y", 2, True))
    block = Verilog(name="b", text="", ports=ports(*inputs, ("o", 9, False)))
    text = harness(block)
    assert ".x(driven[0 +: 3]), .y(driven[3 +: 2]), .o(made[0 +: 9])" in text
    assert "none" not in text
    assert "reg [4:0] driven;" in text
    # Nine bits, then three, then one.
    assert [int(bits) + 1 for bits in re.findall(r"reg \[(\d+):0\] fold_", text)] == [9, 3, 1]
    assert "fold_1 <= {^fold_0[8 +: 1], ^fold_0[4 +: 4], ^fold_0[0 +: 4]};" in text
    assert "assign q = fold_2;" in text


def test_it_is_a_design_of_three_pins_around_the_component() -> None:
    block = to_verilog(ProductAndSum(), name="block_of_two")
    text = block.text + harness(block)
    said = " ".join(lint(Verilog(name=NAME, text=text, ports=()), waivers=None))
    assert not any(defect in said for defect in ("%Error", "PINMISSING", "WIDTH", "UNDRIVEN", "MULTIDRIVEN")), said
    assert f"module {NAME}(input clk, input d, output q);" in text


@pytest.mark.parametrize("missing", ["clk", "x", "o"])
def test_a_component_that_cannot_be_timed_is_refused(missing: str) -> None:
    all_ports = ports(("clk", 1, True), ("x", 3, True), ("o", 9, False))
    block = Verilog(name="b", text="", ports=tuple(port for port in all_ports if port.name != missing))
    sentence = "a component must have a clock, inputs and outputs to be timed, and b has not"
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        harness(block)
