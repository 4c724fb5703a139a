"""docs/synthesis.md: what simulate says of a device."""

from __future__ import annotations

from pathlib import Path

from tests.docs.console import check_examples

TEXT = (Path(__file__).parents[2] / "docs" / "synthesis.md").read_text(encoding="utf-8")


def test_the_examples_print_what_is_shown(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)
