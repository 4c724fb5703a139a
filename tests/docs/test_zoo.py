"""docs/zoo.md: its tables are those of the catalog, its examples run, and its facts about exporters hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from tests.docs.console import check_examples
from tests.docs.zoo_tables import models_table, options_tables
from vitaccel import zoo
from vitaccel.errors import VitaccelError
from vitaccel.zoo.catalog import LISTED_STYLES, STACKED_STYLES, resolve
from vitaccel.zoo.exporters import OPSETS, to_onnx

DOCUMENT = Path(__file__).parents[2] / "docs" / "zoo.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def with_table(text: str, name: str, table: str) -> str:
    """The document with what stands between the marks of a table replaced."""
    begin = f"<!-- {name}: generated, see tests/docs/test_zoo.py -->\n"
    assert text.count(begin) == 1
    before, after = text.split(begin)
    return f"{before}{begin}\n{table}\n{after[after.index('<!-- end -->') :]}"


def test_the_tables_are_those_of_the_catalog(pytestconfig: pytest.Config) -> None:
    """``--update-golden`` writes them."""
    models = zoo.models()
    expected = with_table(with_table(TEXT, "models", models_table(models)), "options", options_tables(models))
    if pytestconfig.option.update_golden:
        DOCUMENT.write_text(expected, encoding="utf-8")
        return
    assert expected == TEXT


def test_a_stale_table_is_seen() -> None:
    assert with_table(TEXT, "models", "| other |\n") != TEXT


def test_the_styles_are_those_of_the_catalog() -> None:
    section = TEXT.split("### Styles")[1].split("\n## ")[0]
    kinds = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE))
    del kinds["moe_style"]
    listed = {style for style, stored in kinds.items() if stored == "a pair of matrices each"}
    assert listed == set(LISTED_STYLES)
    assert set(kinds) - listed == set(STACKED_STYLES)


def test_the_opsets_are_those_of_the_exporters() -> None:
    for exporter, opsets in OPSETS.items():
        assert f"| `{exporter}` | {opsets.start} to {opsets.stop - 1} |" in TEXT


CONTRADICTIONS: list[dict[str, Any]] = [
    {"name": "m3vit-micro", "capacity_factor": 2},
    {"name": "m3vit-micro", "task_input": True, "decoder": True},
    {"name": "m3vit-micro", "task_input": True, "task": 1},
    {"name": "lookupvit-micro", "antialias": True, "resample": "pool"},
    {"name": "vmoe-micro", "moe_style": "microsoft", "gelu": "sigmoid"},
    {"name": "vmoe-micro", "moe_style": "microsoft", "gate": "official"},
]


def test_contradictions_are_told_as_documented() -> None:
    said = []
    for options in CONTRADICTIONS:
        with pytest.raises(VitaccelError) as error:
            resolve(options["name"], {key: value for key, value in options.items() if key != "name"})
        said.append(str(error.value))
    assert re.findall(r"`(option \w+ of [^`]+)`", TEXT) == said


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lost.onnx", "model.onnx", "vit.onnx", "vit.onnx.data", "x.onnx",
    ]  # fmt: skip


@pytest.mark.parametrize("exporter", ["legacy", pytest.param("dynamo", marks=pytest.mark.full)])
def test_why_a_capacity_needs_a_fixed_batch(exporter: str, seed: int) -> None:
    """Right where it was traced, wrong where it was not; the zoo refuses to write such a file."""
    model, traced = zoo.build("vmoe-micro"), zoo.example_input("vmoe-micro", batch=2)
    proto = to_onnx(model, {"image": traced}, exporter=exporter, opset=18, dynamic_batch=True, custom_ops=False)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    errors = {}
    for batch in (2, 5):
        image = zoo.example_input("vmoe-micro", batch=batch, seed=seed % 2**31)
        with torch.no_grad():
            wanted = model(image).numpy()
        errors[batch] = float(np.abs(session.run(None, {"image": image.numpy()})[0] - wanted).max())
    assert errors[2] < 1e-4
    assert errors[5] > 1e-2


@pytest.mark.full
def test_averaging_tokens_is_what_opset_17_stops_at(tmp_path: Path) -> None:
    zoo.export("vit-micro", tmp_path / "m.onnx", opset=17)
    with pytest.raises(VitaccelError, match="must be 17, not 18"):
        zoo.export("vit-micro", tmp_path / "m.onnx", opset=17, cls=False)


def test_pooling_with_equal_windows_is_written_by_legacy(tmp_path: Path) -> None:
    how: dict[str, Any] = {"exporter": "legacy", "opset": 17, "depth": 1, "grid": 7, "resample": "pool"}
    zoo.export("lookupvit-tiny", tmp_path / "m.onnx", **how)
    with pytest.raises(VitaccelError, match="adaptive_avg_pool2d, input size not accessible"):
        zoo.export("lookupvit-tiny", tmp_path / "m.onnx", dynamic_batch=True, **how)
