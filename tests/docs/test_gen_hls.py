"""docs/gen-hls.md: what it says can be made can be, and every file is told."""

from __future__ import annotations

import re
from pathlib import Path

from vitaccel_hls import headers, project
from vitaccel_sim.delivery.hls.readme import FILES

TEXT = (Path(__file__).parents[2] / "docs" / "gen-hls.md").read_text(encoding="utf-8")


def test_what_make_is_told_is_known_to_the_makefile() -> None:
    makefile = project()["Makefile"]
    commands = re.findall(r"^make -C build_hls *(\w*)", TEXT, re.MULTILINE)
    assert commands == ["", "fast", "check", "threads", "ap", "library"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in commands if target)
    assert all(f"$({name})" in makefile for name in ("ROUNDS", "AP"))


def test_every_file_is_told() -> None:
    table = TEXT[TEXT.index("| file |") : TEXT.index("The same inputs")]
    assert [name for name in FILES if f"`{name}`" not in table] == []
    assert f" {len(headers())} headers," in table
