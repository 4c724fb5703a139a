"""Operands at the upper end: the product that is read is the same number, and no sign is routed twice."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel_rtl.synthesis.alignment import OPERAND_BITS, OPERANDS, PRODUCT_BITS, align_operands

FIRST = {"A": 100, "B": 200, "P": 300}
"""Number of the lowest bit of each port."""

widths = st.integers(1, OPERAND_BITS)


def product(widths: dict[str, int], signed: dict[str, bool], read: int = PRODUCT_BITS) -> dict[str, Any]:
    """A multiplier as Yosys writes it, of which the lowest bits of the product are read."""
    pins: dict[str, list[int | str]] = {f"SIGNED{operand}": [str(int(signed[operand]))] for operand in OPERANDS}
    for operand, width in widths.items():
        above: int | str = FIRST[operand] + width - 1 if signed[operand] else "0"
        for place in range(OPERAND_BITS):
            pins[f"{operand}{place}"] = [FIRST[operand] + place if place < width else above]
    inputs = dict.fromkeys(pins, "input")
    outputs = {f"P{place}": [FIRST["P"] + place] for place in range(PRODUCT_BITS)}
    cell = {
        "type": "MULT18X18D",
        "parameters": {},
        "port_directions": inputs | dict.fromkeys(outputs, "output"),
        "connections": pins | outputs,
    }
    ports = {"o": {"direction": "output", "bits": [FIRST["P"] + place for place in range(read)]}}
    return {"cells": {"mult": cell}, "ports": ports}


def result(module: dict[str, Any], values: dict[int, int]) -> int:
    """What leaves the port, as unsigned bits, when bits have these values."""
    pins, whole = module["cells"]["mult"]["connections"], 1
    for operand in OPERANDS:
        bits = [pins[f"{operand}{place}"][0] for place in range(OPERAND_BITS)]
        number = sum((values[bit] if isinstance(bit, int) else int(bit)) << place for place, bit in enumerate(bits))
        if pins[f"SIGNED{operand}"] == ["1"] and number >> OPERAND_BITS - 1:
            number -= 1 << OPERAND_BITS
        whole *= number
    driven = {pins[f"P{place}"][0]: whole >> place & 1 for place in range(PRODUCT_BITS) if f"P{place}" in pins}
    return sum(driven[bit] << place for place, bit in enumerate(module["ports"]["o"]["bits"]))


@given(st.data(), widths, widths, st.booleans(), st.booleans(), st.integers(1, PRODUCT_BITS))
def test_the_product_is_the_same(data: st.DataObject, a: int, b: int, is_a: bool, is_b: bool, read: int) -> None:
    of = {"A": a, "B": b}
    before = product(of, {"A": is_a, "B": is_b}, read)
    after = deepcopy(before)
    saved = align_operands(after)
    assert saved == sum(OPERAND_BITS - of[operand] for operand, is_signed in (("A", is_a), ("B", is_b)) if is_signed)
    values = {
        FIRST[operand] + place: data.draw(st.integers(0, 1)) for operand in OPERANDS for place in range(of[operand])
    }
    assert result(after, values) == result(before, values)


def test_own_bits_are_all_that_is_routed() -> None:
    module = product({"A": 9, "B": 8}, {"A": True, "B": True}, read=17)
    assert align_operands(module) == 19
    pins = module["cells"]["mult"]["connections"]
    assert [pins[f"A{place}"] for place in (0, 8, 9, 17)] == [["0"], ["0"], [100], [108]]
    assert [pins[f"B{place}"] for place in (9, 10, 17)] == [["0"], [200], [207]]
    assert pins["P19"] == [300]


@pytest.mark.parametrize("port", ["SRIA0", "ROB17"])
def test_a_chain_of_multipliers_stays(port: str) -> None:
    module = product({"A": 9, "B": 8}, {"A": True, "B": True})
    module["cells"]["mult"]["connections"][port] = [7]
    before = deepcopy(module)
    assert align_operands(module) == 0
    assert module == before
