"""docs/digits.md: its figures are those of the checkpoints, its examples run, and its numbers are the code's."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.docs.console import check_examples
from vitaccel.zoo.digits import PARTS, load_split
from vitaccel.zoo.shapes import DIGITS
from vitaccel.zoo.train import RECIPES
from vitaccel.zoo.train_digits import figures, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "digits.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
BEGIN, END = "<!-- figures: generated, see tests/docs/test_digits.py -->\n", "<!-- end -->"


def test_the_figures_are_those_of_the_checkpoints(pytestconfig: pytest.Config) -> None:
    """``--update-golden`` writes them."""
    before, after = TEXT.split(BEGIN)
    expected = f"{before}{BEGIN}\n{table(figures())}\n{after[after.index(END) :]}"
    if pytestconfig.option.update_golden:
        DOCUMENT.write_text(expected, encoding="utf-8")
        return
    assert expected == TEXT


def test_the_parts_are_as_large_as_said() -> None:
    sizes = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", TEXT, re.MULTILINE))
    assert sizes == {part: str(len(load_split(part))) for part in PARTS}


def test_the_models_are_as_said() -> None:
    vit, lookupvit, m3vit = DIGITS["vit"], DIGITS["lookupvit"], DIGITS["m3vit"]
    assert {(shape.heads, shape.channels, shape.image) for shape in DIGITS.values()} == {(4, 1, (16, 16))}
    assert (vit.patches, m3vit.patches, lookupvit.patches) == (16, 16, 64)
    assert m3vit.moe is not None
    assert (m3vit.depth, len(m3vit.moe.layers), m3vit.moe.experts, m3vit.moe.top_k) == (5, 2, 6, 2)
    assert len(m3vit.moe.task_classes) == 1


def test_every_checkpoint_has_its_command() -> None:
    assert re.findall(r"train_digits (\S+) --seed 0 -o", TEXT) == list(RECIPES)
    assert [(recipe.steps, recipe.batch) for recipe in RECIPES.values()] == [(1500, 96), (2500, 96), (1500, 96)]
    assert "1500 steps of AdamW with 96 images each (2500 for the LookupViT)" in TEXT


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue().startswith("(450, 1, 16, 16) float32 [")
