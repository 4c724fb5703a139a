"""``python -m vitaccel_sim``: rows and gaps of blocks; what is not there is told before anything is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel_sim import __main__ as command
from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.block_run import BlockRun
from vitaccel_sim.cocotb_runner import BenchResult
from vitaccel_sim.code_coverage import CodeCoverage
from vitaccel_sim.explanations import read_explanations
from vitaccel_sim.regression import points_of, run_block

DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"

LEAST_SHARE = 90.0
"""Percent of a block's lines, and of its toggles."""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nosuch"], "a block must be one of skid-buffer, fifo, "),
        (["fifo", "--point", "99"], "a point of block fifo must be from 0 to "),
        (["fifo", "gelu", "--waves", "waves.vcd"], "--waves must come with one block"),
        (
            ["fifo", "--simulator", "icarus", "--code-coverage"],
            "--code-coverage must be asked of verilator, not of icarus",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_not_there_is_told(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(command.main, arguments)
    assert result.exit_code == 2
    assert f"Error: {sentence}" in result.output


def test_a_simulator_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    result = CliRunner().invoke(command.main, ["fifo", "--simulator", "icarus"])
    assert result.exit_code == 2
    assert "Error: icarus must be installed, and iverilog is not found: vitaccel doctor" in result.output


CODE = CodeCoverage(
    lines_hit=8, lines=10, toggles_hit=1999, toggles=2000, missed=("t line 7: if",), still=("t n[4]", "t n[3]")
)


def a_run(**changed: Any) -> BlockRun:
    result = BenchResult(passed=("early", "late"), failed={}, seed=7, waveform=None, coverage={})
    coverage = Coverage(("one", "two"))
    coverage.hit("two")
    return BlockRun(
        name="gelu",
        simulator="verilator",
        points=(0, 1, 2),
        repeated=(0, 1, 2),
        is_whole=True,
        **{"result": result, "coverage": coverage, "code": CODE, **changed},
    )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """List one bit of the run."""
    monkeypatch.setattr(command, "gap_explanations", lambda: read_explanations(r"gelu | t n\[4\] | Too high."))


@pytest.mark.usefixtures("listed")
def test_a_row_has_its_shares_rounded_down() -> None:
    titles, row = command.head(code_coverage=True), command.line(a_run())
    assert titles.split() == ["block", "simulator", "points", "tests", "bins", "lines", "toggles", "gaps", "explained"]
    assert row.split() == ["gelu", "verilator", "3", "2", "1", "of", "2", "80.0%", "99.9%", "3", "1"]
    assert len(row) == len(titles)
    assert command.line(a_run(code=None)).split() == ["gelu", "verilator", "3", "2", "1", "of", "2"]
    assert len(command.line(a_run(code=None))) == len(command.head(code_coverage=False))


@pytest.mark.usefixtures("listed")
def test_gaps_are_named_or_explained() -> None:
    assert list(command.gap_lines(a_run())) == ["  t line 7: if", "  t n[3]", "  1 explained: Too high."]
    assert list(command.gap_lines(a_run(code=None))) == []
    told = command.record(a_run())
    assert (told["gaps"], told["explained"]) == (["t line 7: if", "t n[3]"], {"Too high.": 1})
    assert (told["line_share"], told["toggle_share"]) == (0.8, 0.9995)


def test_a_block_that_fails_says_so() -> None:
    result = BenchResult(passed=(), failed={"late": "a word is late"}, seed=7, waveform=None, coverage={})
    assert "  FAILED  " in command.line(a_run(result=result))


def shown() -> list[str]:
    """Return the document's table: its head and a row a block."""
    table = DOCUMENT.read_text(encoding="utf-8").partition(
        "```sh\npython -m vitaccel_sim --code-coverage\n```\n\n```text\n"
    )[2]
    return table.partition("```")[0].splitlines()


def test_the_document_has_every_block_with_all_of_its_bins_and_nine_tenths_of_its_lines_and_toggles() -> None:
    head, *rows = shown()
    assert head == command.head(code_coverage=True)
    assert [row.split()[0] for row in rows] == list(BLOCKS)
    for row in rows:
        name, _, points, _, hit, _, bins, lines, toggles, gaps, explained = row.split()
        assert int(points) == len(points_of(name))
        assert hit == bins
        assert min(float(lines.removesuffix("%")), float(toggles.removesuffix("%"))) >= LEAST_SHARE
        assert int(explained) <= int(gaps)


@pytest.mark.full
@pytest.mark.parametrize("name", BLOCKS)
def test_the_document_shows_what_the_command_prints(name: str, pytestconfig: pytest.Config) -> None:
    """Up to some minutes a block where nothing is in ``build/`` yet; --update-golden writes its row."""
    row = command.line(run_block(name, seed=1, code_coverage=True))
    (old,) = (line for line in shown()[1:] if line.split()[0] == name)
    if pytestconfig.option.update_golden:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(text.replace(f"{old}\n", f"{row}\n"), encoding="utf-8")
        return
    assert old == row, f"if the new row is right: pytest --full --update-golden -k 'command_prints and {name}'"
