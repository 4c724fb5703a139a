"""Carry cells without wired zeros: sum and carry are those that they were."""

from __future__ import annotations

import random
from itertools import product

from vitaccel_rtl.synthesis.carry_constants import fold_zeros


def half(table: str, a: int, b: int, c: int, d: int, carry: int) -> tuple[int, int]:
    """Sum and carry of half a CCU2C, as Lattice's and Yosys' models have them."""
    bits = [int(bit) for bit in reversed(table)]
    full, propagates = bits[a + 2 * b + 4 * c + 8 * d], bits[a + 2 * b]
    return full ^ carry, carry if full else propagates


def cell(rng: random.Random, zeros: set[str]) -> dict:
    pins = {f"{letter}{side}": [7] for letter in "ABCD" for side in "01"}
    tables = {f"INIT{side}": f"{rng.getrandbits(16):016b}" for side in "01"}
    return {"type": "CCU2C", "parameters": tables, "connections": pins | {pin: ["0"] for pin in zeros}}


def test_the_cell_says_the_same_whatever_arrives_at_the_inputs_that_were_zero(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        zeros = {f"{letter}{side}" for letter in "ABCD" for side in "01" if rng.random() < 0.4}
        made = cell(rng, zeros)
        before = dict(made["parameters"])
        assert fold_zeros({"c": made}) == len(zeros)
        assert set(made["connections"]) == {f"{letter}{side}" for letter in "ABCD" for side in "01"} - zeros
        for side in "01":
            for *values, carry in product((0, 1), repeat=5):
                pins = [f"{letter}{side}" for letter in "ABCD"]
                real = [0 if pin in zeros else value for pin, value in zip(pins, values, strict=True)]
                wanted = half(before[f"INIT{side}"], *real, carry)
                assert half(made["parameters"][f"INIT{side}"], *values, carry) == wanted


def test_other_cells_and_ones_stay() -> None:
    lut = {"type": "LUT4", "parameters": {"INIT": "0" * 16}, "connections": {"A": ["0"]}}
    one = cell(random.Random(1), set())
    one["connections"]["A0"] = ["1"]
    assert fold_zeros({"lut": lut, "one": one}) == 0
    assert lut["connections"] == {"A": ["0"]}
    assert one["connections"]["A0"] == ["1"]
