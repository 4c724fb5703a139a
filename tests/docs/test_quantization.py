"""docs/quantization.md: its commands print what it shows, its tables are the code's, its links lead somewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np

from tests.docs.console import check_examples
from vitaccel.quantization import QuantizationOptions
from vitaccel.quantization.synthetic import IMAGES
from vitaccel.zoo.digits import load_split

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "quantization.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", load_split("test").images[:3])
    check_examples(TEXT, tmp_path)
    assert (tmp_path / "taps" / "block0.attn.q.5.npy").exists()


def test_the_options_are_those_of_the_quantizer() -> None:
    table = TEXT.split("<!-- options -->")[1].split("<!-- end -->")[0]
    found = re.findall(r"^\| `(--[a-z-]+)` \|([^|]*)\|", table, re.MULTILINE)
    rows = {flag: default.strip(" `") for flag, default in found}
    expected = {
        f"--no-{f.name}" if f.default is True else f"--{f.name}": "" if f.default is True else str(f.default)
        for f in fields(QuantizationOptions)
    }
    assert rows == {flag.replace("_", "-"): default for flag, default in expected.items()}


def test_the_numbers_of_images_are_right() -> None:
    assert f"| `random` | {IMAGES} seeded" in TEXT
    assert f"the {len(load_split('calibration'))} calibration images" in TEXT


def test_every_link_leads_somewhere() -> None:
    for link, _, anchor in re.findall(r"\]\(([^)#]+)(#([^)]+))?\)", TEXT):
        target = ROOT / "docs" / link
        assert target.exists(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in {h.lower().replace(" ", "-") for h in headings}, anchor
