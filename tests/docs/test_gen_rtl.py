"""docs/gen-rtl.md: its examples run, and the header it shows is the one that is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.console import check_examples
from vitaccel.backends.rtl.generate import generate
from vitaccel_sim.delivery.deliver import MAKEFILE
from vitaccel_sim.delivery.network.deliver import COPIED
from vitaccel_sim.delivery.network.readme import FILES

DOCUMENT = Path(__file__).parents[2] / "docs" / "gen-rtl.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
BEGIN, END = "<!-- header: generated, see tests/docs/test_gen_rtl.py -->\n", "<!-- end -->"


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)


def test_the_header_is_that_of_the_block(pytestconfig: pytest.Config) -> None:
    """``--update-golden`` writes it."""
    text = generate("softmax", {}, lanes=16).verilog.text
    header = text[: text.index("\n\n")]
    before, after = TEXT.split(BEGIN)
    expected = f"{before}{BEGIN}\n```systemverilog\n{header}\n```\n\n{after[after.index(END) :]}"
    if pytestconfig.option.update_golden:
        DOCUMENT.write_text(expected, encoding="utf-8")
        return
    assert expected == TEXT


def test_what_make_is_told_is_known_to_the_makefile() -> None:
    told = set(re.findall(r"\b([A-Z]+)=", "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))))
    assert told == {"SIM", "TEST", "WAVES", "SEED", "IMAGES"}
    assert all(f"$({name})" in MAKEFILE.read_text() for name in told - {"IMAGES"})
    assert all(f"$({name})" in COPIED["Makefile"].read_text() for name in told)


def test_every_file_of_a_network_is_told() -> None:
    table = TEXT[TEXT.index("## A network") : TEXT.index("## A block")]
    assert all(f"`{name}`" in table for name, _ in FILES)
