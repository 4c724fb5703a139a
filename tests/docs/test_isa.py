"""docs/isa.md is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitaccel.backends.rtl.isa_document import isa_document

DOCUMENT = Path(__file__).parents[2] / "docs" / "isa.md"


def test_the_page_is_what_the_code_generates(pytestconfig: pytest.Config) -> None:
    """``--update-golden`` writes it."""
    if pytestconfig.option.update_golden:
        DOCUMENT.write_text(isa_document(), encoding="utf-8")
        return
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    assert text == isa_document(), "docs/isa.md is stale; if the new text is right: pytest --update-golden"
