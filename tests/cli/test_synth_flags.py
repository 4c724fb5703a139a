"""Flags of ``vitaccel synth`` that clash or do nothing are one sentence; the defaults never are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from vitaccel.cli.synth_flags import MOST_MHZ, check_flags, check_rows, seeds_in
from vitaccel.errors import VitaccelError
from vitaccel_rtl.synthesis.seeds import LAST
from vitaccel_rtl.verilog import Verilog

NONE = {"target": None, "board": None, "seeds": None, "frequency": None, "logic_rows": None, "by_blocks": False}


def refused(**flags: Any) -> str:
    with pytest.raises(VitaccelError) as error:
        check_flags({**NONE, **flags})
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [(None, (1,)), ("0", ()), ("1, 2,3", (1, 2, 3)), ("2,1,2", (2, 1)), ("007", (7,)), (str(LAST), (LAST,))],
)
def test_seeds(text: str | None, seeds: tuple[int, ...]) -> None:
    assert seeds_in(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "1,x", "0,1", "-1", "1.5", "1,", "²"])
def test_what_is_no_list_of_seeds_is_refused(text: str) -> None:
    with pytest.raises(VitaccelError, match=f"^--seeds must be numbers such as 1,2,3, or 0 for none, not {text!r}$"):
        seeds_in(text)


@pytest.mark.parametrize("seed", [str(LAST + 1), "9" * 23, "9" * 5000])
def test_a_seed_that_no_placer_takes_is_refused_before_the_synthesis(seed: str) -> None:
    with pytest.raises(VitaccelError, match=f"^--seeds must be 2147483647 at most, not {seed}$"):
        seeds_in(f"1,{seed}")


@pytest.mark.parametrize("frequency", [float("nan"), float("inf"), 1e300, 0.5, 0.0, -5.0, MOST_MHZ + 1e-6])
def test_a_frequency_that_no_device_has_is_refused(frequency: float) -> None:
    assert refused(frequency=frequency) == f"--frequency must be 1 to 1000 MHz, not {frequency}"
    assert refused(frequency=frequency, board="ulx3s") == f"--frequency must be 1 to 1000 MHz, not {frequency}"


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"seeds": "1,2", "frequency": 1.0, "logic_rows": 3},
        {"frequency": MOST_MHZ, "target": "ecp5-85k"},
        {"board": "ulx3s", "seeds": "0", "frequency": 50.0},
        {"target": "xcup"},
        {"target": "xcup", "seeds": "0"},
        {"target": "xc7", "by_blocks": True},
    ],
)
def test_what_goes_together(flags: dict[str, Any]) -> None:
    check_flags({**NONE, **flags})


@pytest.mark.parametrize("target", ["xcup", "xc7"])
@pytest.mark.parametrize("by_blocks", [False, True])
def test_flags_of_place_and_route_are_refused_where_there_is_none(target: str, by_blocks: bool) -> None:
    for flag, value in (("seeds", "1"), ("seeds", "1,2"), ("frequency", 100.0)):
        said = f"--{flag} must come with a target that is placed and routed, ecp5-85k, not {target}"
        assert refused(target=target, by_blocks=by_blocks, **{flag: value}) == said


def test_a_frequency_without_a_seed_is_refused() -> None:
    said = "--frequency must come with a seed or with --board: with --seeds 0 nothing is placed"
    assert refused(frequency=100.0, seeds="0") == said


@pytest.mark.parametrize("target", ["xcup", "xc7"])
def test_rows_of_products_of_luts_are_of_ecp5(target: str) -> None:
    said = f"--logic-rows must come with a target of the family ECP5, ecp5-85k, not {target}"
    assert refused(target=target, logic_rows=1) == said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"target": "ecp6"}, "--target must be one of ecp5-85k, xcup, xc7, not 'ecp6'"),
        ({"target": "xcupp"}, "--target must be one of ecp5-85k, xcup, xc7, not 'xcupp' (did you mean 'xcup'?)"),
        ({"by_blocks": True}, "--target must be xcup or xc7 with --by-blocks, not ecp5-85k, the default"),
        ({"by_blocks": True, "board": "ulx3s"}, "--by-blocks must come without --board: it is for xcup and xc7"),
        (
            {"by_blocks": True, "target": "xcup", "logic_rows": 3},
            "--by-blocks must come without --logic-rows: it is for xcup and xc7",
        ),
    ],
)
def test_what_cannot_be_is_refused(flags: dict[str, Any], said: str) -> None:
    assert refused(**flags) == said


def test_more_rows_than_the_array_has_are_refused() -> None:
    rows = "".join(f"  array_row_0 row_{row} (\n    .a(a)\n  );\n" for row in (0, 1, 0, 1))
    array = Verilog(name="array", text=f"module array(a);\n{rows}endmodule\n", ports=())
    block = Verilog(name="block", text="module block(a);\n  reg row_1;\nendmodule\n", ports=())
    for logic_rows, design in ((None, array), (0, array), (2, array), (None, block), (0, block)):
        check_rows(logic_rows, design)
    for logic_rows, design, there in ((3, array, 2), (99, array, 2), (1, block, 0)):
        said = f"--logic-rows must be {there} at most, the rows of {design.name}'s array, not {logic_rows}"
        with pytest.raises(VitaccelError, match=f"^{re.escape(said)}$"):
            check_rows(logic_rows, design)
