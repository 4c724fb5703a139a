"""Products of LUTs and carry chains are products, proven by Yosys for widths and signs; and a design gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitaccel_rtl.synthesis.breakdown import areas
from vitaccel_rtl.synthesis.builds import cached
from vitaccel_rtl.synthesis.tools import YOSYS, SynthesisError
from vitaccel_rtl.synthesis.yosys import PRODUCTS, netlist_of

LUTS = """
module LUT4(input A, B, C, D, output Z); parameter [15:0] INIT = 0; assign Z = INIT[{D, C, B, A}]; endmodule
module LUT2(input A, B, output Z); parameter [3:0] INIT = 0; assign Z = INIT[{B, A}]; endmodule
"""

PROOF = (
    "read_verilog gold.v; prep -top gold; design -save gold; techmap -map products.v; "
    "read_verilog +/lattice/ccu2c_sim.vh luts.v; hierarchy -top gold; select -assert-none gold/t:$mul; proc; flatten; "
    "opt_clean; rename gold gate; design -stash gate; design -load gold; design -copy-from gate -as gate gate; "
    "miter -equiv -flatten gold gate miter; sat -verify -prove trigger 0 miter"
)


def prove(a: int, b: int, y: int, sign: str, products: str, folder: Path) -> None:
    gold = (
        f"module gold(input {sign} [{a - 1}:0] a, input {sign} [{b - 1}:0] b, output {sign} [{y - 1}:0] y);\n"
        "assign y = a * b;\nendmodule\n"
    )
    cached(YOSYS, ("-q", "-p", PROOF), {"gold.v": gold, "luts.v": LUTS, "products.v": products}, folder)


@pytest.mark.parametrize(
    ("a", "b", "y", "sign"),
    [(5, 4, 9, "signed"), (3, 6, 12, "signed"), (5, 3, 6, "signed"), (5, 1, 6, "signed"), (4, 5, 9, "")],
)
def test_a_product_is_a_product(a: int, b: int, y: int, sign: str, tmp_path: Path) -> None:
    prove(a, b, y, sign, PRODUCTS.read_text(), tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("sign", ["signed", ""])
def test_a_product_of_eight_bits_is_a_product(sign: str, tmp_path: Path) -> None:
    prove(8, 8, 16, sign, PRODUCTS.read_text(), tmp_path)


def test_a_carry_too_little_is_found(tmp_path: Path) -> None:
    wrong = PRODUCTS.read_text().replace("NEGATIVE ? b[1] : 1'b0), .y(y)", "1'b0), .y(y)")
    with pytest.raises(SynthesisError, match="proof did fail"):
        prove(4, 4, 8, "signed", wrong, tmp_path)


ROWS = """
module top(input clk, input signed [7:0] a, input signed [7:0] b, output signed [15:0] x, output signed [15:0] y);
  top_row_0 row_0(.clk(clk), .a(a), .b(b), .y(x));
  top_row_0 row_1(.clk(clk), .a(b), .b(a), .y(y));
endmodule
module top_row_0(input clk, input signed [7:0] a, input signed [7:0] b, output reg signed [15:0] y);
  always_ff @(posedge clk) y <= a * b;
endmodule
"""


def test_rows_get_products_of_luts(tmp_path: Path) -> None:
    """A product of 8 by 8 bits takes 80 LUTs or so, and no multiplier."""
    netlist = netlist_of(ROWS, "top", "ecp5", logic_rows=1, folder=tmp_path)
    found = areas(netlist["modules"]["top"]["cells"], "ecp5")
    assert found["row_0"].multipliers == 0
    assert 70 <= found["row_0"].luts <= 90
    assert (found["row_1"].multipliers, found["row_1"].luts) == (1, 0)
