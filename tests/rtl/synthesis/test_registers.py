from __future__ import annotations

from typing import Any

import pytest

from vitaccel_rtl.synthesis.registers import move_registers

CLOCK, ENABLE = 2, 3


def register(arriving: int, kept: int, *, enable: int = ENABLE, reset: str | int = "0") -> dict[str, Any]:
    return {
        "type": "TRELLIS_FF",
        "parameters": {"CEMUX": "CE", "CLKMUX": "CLK"},
        "port_directions": {"CLK": "input", "CE": "input", "LSR": "input", "DI": "input", "Q": "output"},
        "connections": {"CLK": [CLOCK], "CE": [enable], "LSR": [reset], "DI": [arriving], "Q": [kept]},
    }


def cell(kind: str, inputs: dict[str, list], outputs: dict[str, list]) -> dict[str, Any]:
    directions = {**dict.fromkeys(inputs, "input"), **dict.fromkeys(outputs, "output")}
    return {"type": kind, "parameters": {}, "port_directions": directions, "connections": {**inputs, **outputs}}


def product(**changed: dict[str, Any]) -> dict[str, Any]:
    """A one-bit product: a (10) and b (11) into registers (20, 21), the product (30) into one (31), which leaves."""
    cells = {
        "a": register(10, 20),
        "b": register(11, 21),
        "mult": cell("MULT18X18D", {"A0": [20], "A1": ["0"], "B0": [21]}, {"P0": [30], "P1": [32]}),
        "p": register(30, 31),
        **changed,
    }
    ports = {"i": {"direction": "input", "bits": [10, 11, CLOCK, ENABLE]}, "o": {"direction": "output", "bits": [31]}}
    return {"cells": cells, "ports": ports}


def test_registers_around_a_multiplier_move_into_it() -> None:
    module = product()
    assert move_registers(module) == 3
    (mult,) = module["cells"].values()
    pins, settings = mult["connections"], mult["parameters"]
    assert (pins["A0"], pins["A1"], pins["B0"], pins["P0"]) == ([10], ["0"], [11], [31])
    assert (pins["CLK0"], pins["CE0"], pins["RST0"]) == ([CLOCK], [ENABLE], ["0"])
    for kind in ("REG_INPUTA", "REG_INPUTB", "REG_OUTPUT"):
        assert [settings[f"{kind}_{role}"] for role in ("CLK", "CE", "RST")] == ["CLK0", "CE0", "RST0"]


def test_a_register_that_something_else_reads_stays_beside_the_moved_one() -> None:
    module = product(other=cell("LUT4", {"A": [20]}, {"Z": [40]}))
    assert move_registers(module) == 2
    assert set(module["cells"]) == {"a", "mult", "other"}
    assert module["cells"]["mult"]["connections"]["A0"] == [10]


@pytest.mark.parametrize(
    "changed",
    [
        {"p": register(30, 31, reset=50)},
        {"other": cell("LUT4", {"A": [30]}, {"Z": [40]})},
    ],
    ids=["a register with a reset", "a product that is read without its register too"],
)
def test_an_output_register_that_does_more_stays(changed: dict[str, Any]) -> None:
    module = product(**changed)
    move_registers(module)
    assert "p" in module["cells"]
    assert "REG_OUTPUT_CLK" not in module["cells"]["mult"]["parameters"]
    assert module["cells"]["mult"]["connections"]["P0"] == [30]


def test_registers_of_another_enable_stay() -> None:
    module = product(b=register(11, 21, enable=4))
    move_registers(module)
    assert "b" in module["cells"]
    assert module["cells"]["mult"]["connections"]["B0"] == [21]
    assert "REG_INPUTB_CLK" not in module["cells"]["mult"]["parameters"]


def test_a_register_between_two_multipliers_moves_into_the_first() -> None:
    second = cell("MULT18X18D", {"A0": [31], "B0": [21]}, {"P0": [60]})
    module = product(second=second)
    module["ports"]["o"]["bits"] = [60]
    move_registers(module)
    cells = module["cells"]
    assert cells["mult"]["connections"]["P0"] == [31] == cells["second"]["connections"]["A0"]
    assert "REG_INPUTA_CLK" not in cells["second"]["parameters"]
    assert cells["second"]["parameters"]["REG_INPUTB_CLK"] == "CLK0"


def test_a_register_behind_a_block_ram_moves_into_it() -> None:
    ram = cell("DP16KD", {"CLKA": [CLOCK], "OCEA": ["1"]}, {"DOA0": [30]})
    module = product(mult=ram)
    assert move_registers(module) == 3
    assert set(module["cells"]) == {"mult"}
    assert ram["parameters"] == {"REGMODE_A": "OUTREG"}
    assert (ram["connections"]["DOA0"], ram["connections"]["OCEA"]) == ([31], [ENABLE])


def test_a_block_ram_of_another_clock_keeps_its_output() -> None:
    ram = cell("DP16KD", {"CLKA": [9], "OCEA": ["1"]}, {"DOA0": [30]})
    move_registers(product(mult=ram))
    assert ram["parameters"] == {}
