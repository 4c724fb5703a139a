"""Rows of the blocks' benchmark, what its tables say, and a small run of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.nextpnr import Timing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def blocks(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("blocks")


def timing(frequency_mhz: float, seed: int = 1) -> Timing:
    ends = {"start": "block.lane1.gone_TRELLIS_FF_Q_2.Q", "end": "block.out_TRELLIS_FF_Q.DI"}
    return Timing(seed=seed, frequency_mhz=frequency_mhz, **ends, logic_ns=2.25, routing_ns=3.0)


def row(blocks: ModuleType, name: str, *megahertz: float, luts: int = 0, multipliers: int = 0, **options: int):
    case = blocks.Case(name, options, is_timed=bool(megahertz))
    area = Area(luts=luts, flip_flops=7, multipliers=multipliers)
    timings = tuple(timing(each, seed) for seed, each in enumerate(megahertz))
    return blocks.Measured(case, area, Area(luts=luts // 2), timings)


def test_every_block_of_the_catalog_has_a_timed_row_of_8_lanes(blocks: ModuleType) -> None:
    found = blocks.cases(BLOCKS)
    assert {case.block for case in found} == set(BLOCKS)
    for name, block in BLOCKS.items():
        timed = [case for case in found if case.block == name and case.is_timed]
        assert timed
        if "lanes" in {option.name for option in block.options}:
            assert {case.options["lanes"] for case in timed} == {8}
            assert any(case.options["lanes"] == 1 for case in found if case.block == name and not case.is_timed)
        for case in timed:
            BLOCKS[name].choose(case.options)
    assert [case.options["side"] for case in found if case.block == "array"] == [4, 8, 12, 16, 16]


def test_the_fastest_of_the_seeds_counts_and_all_are_shown(blocks: ModuleType) -> None:
    slow = row(blocks, "exp2", 141.2, 149.9, 140.0, luts=100, lanes=8)
    fast = row(blocks, "gelu", 150.0, luts=42, multipliers=3, lanes=8)
    lines = blocks.table([slow, fast])
    assert lines[2].split() == ["exp2", "lanes=8", "100", "7", "0", "0", "0", "149", "50", "0", "0", "0", "0"]
    assert lines[3].split() == ["gelu", "lanes=8", "42", "7", "3", "0", "0", "150", "21", "0", "0", "0", "0"]
    assert "  150 MHz on ECP5: missed by exp2 lanes=8" in blocks.verdicts([slow, fast])
    assert "  150 MHz on ECP5: met by all" in blocks.verdicts([fast])
    assert " 0:141 1:149 2:140 " in blocks.paths([slow])[1]


@pytest.mark.parametrize(("tries_all", "tried"), [(False, [7, 8]), (True, [7, 8, 9])])
def test_seeds_are_tried_until_one_is_fast_enough(
    blocks: ModuleType, monkeypatch: pytest.MonkeyPatch, tries_all: bool, tried: list[int]
) -> None:
    found = {7: 149.9, 8: 150.0, 9: 170.0}
    monkeypatch.setattr(blocks, "place_and_route", lambda _, seed, **__: timing(found[seed], seed))
    monkeypatch.setattr(blocks, "synthesize", lambda *_, **__: Area(luts=1))
    case = blocks.Case("residual", {"lanes": 2})
    measured = blocks.measure(case, [7, 8, 9], tries_all=tries_all)
    assert [each.seed for each in measured.timings] == tried
    assert measured.best == measured.timings[-1]


def test_the_exp_lane_and_the_array_are_held_to_their_targets(blocks: ModuleType) -> None:
    rows = [
        row(blocks, "exp2", luts=150, lanes=1, fraction_bits=6),
        row(blocks, "array", 200.0, multipliers=32, side=8),
    ]
    said = "\n".join(blocks.verdicts(rows))
    assert "84 LUT (of UltraScale+) and no multiplier: 75 LUT of UltraScale+, 150 of ECP5, 0 multipliers" in said
    assert "array side=8, one multiplier a PE: 0.50\n" in f"{said}\n"


def test_an_array_of_too_many_multipliers_is_placed_with_rows_of_luts(blocks: ModuleType) -> None:
    found = blocks.cases(["array"])
    assert [(str(case), case.is_timed) for case in found] == [
        ("array side=4", True),
        ("array side=8", True),
        ("array side=12", True),
        ("array side=16", False),
        ("array side=16 logic-rows=7", True),
    ]
    (line,) = blocks.verdicts([row(blocks, "array", multipliers=256, side=16)])[1:]
    assert line == "  array side=16, one multiplier a PE: 1.00; not placed so, for the largest ECP5 has 156"
    placed = blocks.Measured(found[-1], Area(multipliers=144), Area(), (timing(51.0),))
    assert blocks.verdicts([placed]) == ["targets"]
    assert "  1:51  " in blocks.paths([placed])[1]


def test_a_large_array_is_placed_with_one_seed(blocks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "place_and_route", lambda _, seed, **__: timing(100.0, seed))
    monkeypatch.setattr(blocks, "synthesize", lambda *_, **__: Area(luts=1))
    monkeypatch.setattr(blocks, "to_verilog", lambda *_, **__: None)
    tried = [blocks.measure(blocks.Case("array", {"side": side}), [7, 8]).timings for side in (8, 12)]
    assert [[each.seed for each in timings] for timings in tried] == [[7, 8], [7]]


def test_paths_are_named_by_their_registers(blocks: ModuleType) -> None:
    (_, line) = blocks.paths([row(blocks, "exp2", 160.0, lanes=8), row(blocks, "exp2", lanes=1)])
    assert line.split() == ["exp2", "lanes=8", "2.2", "3.0", "0:160", "lane1.gone,", "out"]


def test_published_costs_are_labelled_and_have_a_source(blocks: ModuleType) -> None:
    title, heads, *rows = blocks.published()
    assert title.startswith("published methods")
    assert heads.endswith("source")
    assert len(rows) == 14
    assert all(re.search(r"\d+ +\d +\d+ .*  \S", line) for line in rows)


def test_a_small_block_is_measured(
    blocks: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["blocks.py", "residual", "--json"])
    monkeypatch.setattr(blocks, "place_and_route", lambda _, seed, **__: timing(200.0, seed))
    blocks.main()
    out, err = capsys.readouterr()
    one, eight = json.loads(out)
    assert one["case"] == {"block": "residual", "options": {"lanes": 1}, "is_timed": False, "logic_rows": 0}
    # A sum of two codes of 16 bits, its 17 bits and the 16 of the result; no memory, no product.
    assert one["ecp5"]["flip_flops"] >= 33
    assert eight["ecp5"]["flip_flops"] - one["ecp5"]["flip_flops"] == 7 * 33
    assert (one["timings"], eight["timings"][0]["frequency_mhz"]) == ([], 200.0)
    assert err.splitlines() == ["[1/2] residual lanes=1", "[2/2] residual lanes=8"]


def test_a_block_that_does_not_exist_is_refused(
    blocks: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["blocks.py", "sofmax"])
    with pytest.raises(SystemExit):
        blocks.main()
    assert "a block must be one of skid-buffer, " in capsys.readouterr().err


@pytest.mark.full
def test_the_document_shows_what_the_script_prints(
    blocks: ModuleType, shown: Callable[[str, str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes where nothing is in ``build/`` yet. The tools are deterministic: the text is the same anywhere."""
    monkeypatch.chdir(ROOT)
    rows = [blocks.measure(case, blocks.SEEDS) for case in blocks.cases(BLOCKS)]
    shown("blocks.md", "python benchmarks/blocks.py", blocks.report(rows))


def test_what_the_document_shows_reaches_the_target() -> None:
    text = (ROOT / "docs" / "blocks.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.fullmatch(r"[a-z0-9_= -]+(?: +(?:\d+|-)){11}", line)]
    assert {row.split()[0] for row in rows} == set(BLOCKS)
    # Nothing is asked of larger arrays, but that they are placed, 16x16 with products of LUTs.
    larger = [row for row in rows if row.startswith(("array side=12 ", "array side=16 "))]
    assert [row.split()[-6].isdigit() for row in larger] == [True, False, True]
    assert all(int(row.split()[-6]) >= 150 for row in rows if row.split()[-6] != "-" and row not in larger)


def test_the_document_shows_what_others_cost(blocks: ModuleType) -> None:
    text = (ROOT / "docs" / "blocks.md").read_text(encoding="utf-8")
    assert "\n".join(blocks.published()) in text
