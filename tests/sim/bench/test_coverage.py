"""Bins are declared before they are hit; what was not hit is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitaccel_sim.bench.coverage import Coverage, CoverageError, cross


def test_hits_are_counted_and_misses_named(tmp_path: Path) -> None:
    coverage = Coverage(("length: 1", "length: 197"))
    coverage.hit("length: 1")
    coverage.add({"length: 1": 2})
    assert coverage.missed == ("length: 197",)
    assert str(coverage) == "1 of 2 bins hit\n         3  length: 1\n         0  length: 197"
    coverage.write(tmp_path / "hits.json")
    assert json.loads((tmp_path / "hits.json").read_text()) == {"length: 1": 3, "length: 197": 0}


def test_a_bin_that_was_not_declared_is_an_error() -> None:
    coverage = Coverage(("length: 1",))
    for wrong in (lambda: coverage.hit("length: 2"), lambda: coverage.add({"length: 2": 1})):
        with pytest.raises(CoverageError, match=r"^a bin must be declared before it is hit, and 'length: 2' is not$"):
            wrong()
    for declared in ((), ("a", "a")):
        with pytest.raises(CoverageError, match=r"^bins must be declared once each, and at least one$"):
            Coverage(declared)


def test_cross_is_every_combination() -> None:
    assert set(cross(idle=["a", "b"], stall=["c"])) == {"idle=a stall=c", "idle=b stall=c"}
