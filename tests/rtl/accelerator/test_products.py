"""Multipliers of a machine, against those that Yosys gave to machines that were synthesised."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.backends.cost_model.test_area import SMALL
from vitaccel_rtl.accelerator.products import products

SYNTHESISED = Path(__file__).parents[3] / "benchmarks" / "area_synthesised.csv"


def given(point: str) -> Mapping[str, int]:
    with SYNTHESISED.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["point"] == point and row["multipliers"] != "0"]
    return {row["block"]: int(row["multipliers"]) for row in rows}


def test_block_by_block() -> None:
    assert products(SMALL, 1) == given("ecp5-4x4")
    assert products(replace(SMALL, side=8), 1) == given("ecp5-8x8")
    everything = replace(SMALL, kept_rows=4096, has_experts=True)
    assert products(everything, 2) == given("xcup-4x4-experts-kept")
    assert products(replace(everything, side=8), 2) == given("xcup-8x8-experts-kept")
    assert products(everything, 1) != given("xcup-4x4-experts-kept")
    assert products(replace(SMALL, moment_blocks=64), 1) == given("ecp5-4x4-moments")
    assert products(replace(everything, moment_blocks=64), 2) == given("xcup-4x4-experts-kept-moments")


def test_an_odd_row_keeps_its_own_and_arrays_have_theirs() -> None:
    odd = products(replace(SMALL, side=5), 2)
    assert odd["array"] == 15
    three = products(replace(SMALL, side=8, arrays=3, moment_blocks=64), 2)
    assert (three["array"], three["cores"], three["moments"], three["lanes"]) == (96, 120, 24, 91)
