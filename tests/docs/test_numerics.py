"""docs/numerics.md: its tables are what the command prints, its files exist, its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.console import check_examples, run_here
from vitaccel.cli.numerics import SECTIONS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "numerics.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
ALTERNATIVES = ROOT / "vitaccel" / "reference" / "alternatives"


def with_output(text: str, section: str, output: str) -> str:
    """The document with what stands between the marks of a section replaced by a command and its output."""
    begin = f"<!-- {section}: generated, see tests/docs/test_numerics.py -->\n"
    assert text.count(begin) == 1
    before, after = text.split(begin)
    block = f"```sh\nvitaccel numerics --section {section}\n```\n\n```text\n{output}```\n"
    return f"{before}{begin}\n{block}\n{after[after.index('<!-- end -->') :]}"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_document_shows_what_the_command_prints(section: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """``--update-golden`` writes it."""
    code, output = run_here(["vitaccel", "numerics", "--section", section], tmp_path)
    assert code == 0
    text = DOCUMENT.read_text(encoding="utf-8")
    expected = with_output(text, section, output)
    if pytestconfig.option.update_golden:
        DOCUMENT.write_text(expected, encoding="utf-8")
        return
    assert text == expected, "docs/numerics.md is stale; if the new numbers are right: pytest --update-golden"


def test_a_stale_number_is_seen() -> None:
    assert with_output(TEXT, "gelu", "other\n") != TEXT


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)


def test_every_published_method_has_a_source() -> None:
    """A file of alternatives is in the table of sources, and the other way round."""
    table = TEXT.split("## Where the published methods come from")[1]
    named = set(re.findall(r"`([a-z0-9_]+\.py)`", table))
    there = {path.name for path in ALTERNATIVES.glob("*.py")} - {"__init__.py", "method.py"}
    assert named == there


def test_every_file_and_link_exists() -> None:
    for name in re.findall(r"`(vitaccel/[a-z_/]+(?:\.py)?)`", TEXT):
        assert (ROOT / name).exists(), name
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link


def number(pattern: str) -> float:
    found = re.search(pattern, TEXT, re.MULTILINE)
    assert found is not None, pattern
    return float(found.group(1))


def test_what_the_tables_are_said_to_say_is_what_they_say() -> None:
    """The sentences below the softmax tables, from the numbers above them."""
    exact8 = number(r"^exact softmax, rounded +8 .* (\S+)% +\S+%$")
    ours8 = number(r"^vitaccel, q9\.6 logits, u8 numerators +8 (?:.*) (\S+)% +\S+%$")
    assert exact8 > 10
    assert 1 / 9 < ours8 / exact8 < 1 / 7
    port = number(r"^int8 logits, exact softmax +float .* (\S+)% +\S+%$")
    assert port > number(r"^vitaccel, q9\.6 logits, u8 numerators +8 +\S+ +\S+ +(\S+)% +\S+%$")
    fine = {bits: number(rf"^vitaccel, q7\.8 logits, u{bits} numerators +{bits} .* (\S+)% +\S+%$") for bits in (12, 16)}
    assert fine[12] > 2 * fine[16]
