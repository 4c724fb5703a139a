"""Every header has the stem of a block in gateware, and a test of its stem."""

from __future__ import annotations

from pathlib import Path

from vitaccel_hls import FOLDER, headers

ROOT = Path(__file__).parents[2]

WITHOUT_GATEWARE = {"integers": "Amaranth has widths of its own", "paired_words": "it is for software alone"}

STEMS = [path.stem for path in sorted(FOLDER.glob("*.hpp"))]


def test_every_header_has_the_stem_of_a_block() -> None:
    blocks = {path.stem for path in (ROOT / "rtl" / "vitaccel_rtl").rglob("*.py")}
    assert [stem for stem in STEMS if stem not in blocks] == list(WITHOUT_GATEWARE)


def test_every_header_has_a_test() -> None:
    assert [stem for stem in STEMS if not (ROOT / "tests" / "hls" / f"test_{stem}.py").exists()] == []


def test_headers_begin_with_what_they_are_about_and_stay_short() -> None:
    assert len(STEMS) > 40
    for name, text in headers().items():
        lines = text.splitlines()
        assert lines[0].startswith("// "), name
        assert "#pragma once" in lines, name
        assert max(map(len, lines)) <= 120, name
        assert len(lines) <= 200, name
