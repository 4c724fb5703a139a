"""docs/accuracy.md: its tables are what its commands print; the quick ones always, the others with ``--full``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.console import check_examples, run_here
from vitaccel.evaluation.evaluate import TAP_BYTES
from vitaccel.evaluation.result import LOSS_DB

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "accuracy.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
MARK = "<!-- generated, see tests/docs/test_accuracy.py -->\n"
QUICK = ("vitaccel evaluate vit-digits --losing",)
"""Commands that are run without ``--full``."""


def blocks(text: str) -> dict[str, str]:
    """What each generated block of the document shows, by its command."""
    found = re.findall(rf"{re.escape(MARK)}```console\n\$ ([^\n]*)\n(.*?)```\n", text, re.DOTALL)
    return dict(found)


def with_output(text: str, command: str, output: str) -> str:
    """The document with another output below a command."""
    begin = f"{MARK}```console\n$ {command}\n"
    assert text.count(begin) == 1
    before, after = text.split(begin)
    return f"{before}{begin}{output}{after[after.index('```') :]}"


@pytest.mark.parametrize(
    "command", [pytest.param(each, marks=[] if each in QUICK else [pytest.mark.full]) for each in blocks(TEXT)]
)
def test_the_document_shows_what_the_command_prints(command: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """``--update-golden`` writes it."""
    code, output = run_here(command.split(), tmp_path)
    assert code == 0, output
    text = DOCUMENT.read_text(encoding="utf-8")
    expected = with_output(text, command, output)
    if pytestconfig.option.update_golden:
        DOCUMENT.write_text(expected, encoding="utf-8")
        return
    assert text == expected, "docs/accuracy.md is stale; if the new numbers are right: pytest --full --update-golden"


def test_every_model_is_there() -> None:
    commands = list(blocks(TEXT))
    assert TEXT.count(MARK) == len(commands)
    assert set(QUICK) <= set(commands)
    for name in ("vit-digits", "lookupvit-digits", "m3vit-digits"):
        assert f"vitaccel evaluate {name} --losing" in commands
        for bits in ("", " --weight-bits 4"):
            assert f"vitaccel evaluate {name} --softmax all{bits}" in commands
    for name in ("deit-small", "vit-base", "lookupvit-base", "m3vit-tiny"):
        assert f"vitaccel evaluate {name} --images 4 --losing" in commands


def test_the_promises_are_kept_in_what_is_shown() -> None:
    """Half a point with W8A8 and two with W4A8, in every softmax mode."""
    seen = 0
    for command, output in blocks(TEXT).items():
        limit = 2.0 if "--weight-bits 4" in command else 0.5
        for line in output.splitlines() if "--softmax all" in command else []:
            if re.match(r"f[68]-u", line):
                in_float, in_integers = (float(cell.rstrip("%")) for cell in line.split()[1:3])
                assert abs(in_float - in_integers) <= limit, line
                seen += 1
    assert seen == 3 * 2 * 6


def test_the_softmax_modes_are_as_close_as_said() -> None:
    assert "within 1.2 dB and one image" in TEXT
    for command, output in blocks(TEXT).items():
        if "--softmax all" in command:
            rows = [line.split() for line in output.splitlines() if re.match(r"f[68]-u", line)]
            right, decibels = ([float(row[at].rstrip("%")) for row in rows] for at in (2, 4))
            assert max(decibels) - min(decibels) <= 1.2 + 1e-9, command
            assert max(right) - min(right) < 1.5 * 100 / 450, command


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT.split("\n## ")[0], tmp_path)


def test_its_constants_are_those_of_the_code() -> None:
    assert f"more than {LOSS_DB:g} dB" in TEXT
    assert f"{TAP_BYTES >> 20} MiB" in TEXT


def test_every_file_and_link_exists() -> None:
    for name in re.findall(r"`(vitaccel/[a-z_/]+(?:\.py)?)`", TEXT):
        assert (ROOT / name).exists(), name
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
