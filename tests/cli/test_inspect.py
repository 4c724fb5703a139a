from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitaccel.frontend import import_model

Run = Callable[..., Any]


def test_the_graph_the_fates_and_the_counts(vitaccel: Run, model: Path) -> None:
    result = vitaccel("inspect", model)
    imported = import_model(model)
    assert result.code == 0
    assert result.out.startswith(f"{imported.graph}\n")
    for node in imported.coverage:
        assert node.name in result.out
        assert node.fate in result.out
    assert "MACs        5.28 k (5,280)" in result.out
    assert "nodes       8 in the file" in result.out


def test_json(vitaccel: Run, model: Path) -> None:
    record = json.loads(vitaccel("inspect", model, "--json").out)
    assert record["supported"] is True
    assert record["macs"] == record["macs_dense"] == record["macs_exported"] == 5280
    assert record["graph"] == str(import_model(model).graph)
    assert [node["name"] for node in record["nodes"]] == [
        *("embed", "flatten", "to_tokens", "fc1", "act", "norm", "pool", "head")
    ]


def test_what_cannot_be_mapped_is_listed_and_the_answer_is_2(vitaccel: Run, make_model: Callable[..., Path]) -> None:
    path = make_model(op="Sinh")
    result = vitaccel("inspect", path)
    assert result.code == 2
    assert result.out.startswith("Nodes that cannot be mapped\n")
    rows = result.out.splitlines()[3:]
    assert len(rows) == 1
    assert rows[0].split()[:2] == ["act", "Sinh"]
    assert "supported are convolutions" in rows[0]
    assert result.err.startswith(f"error: every node of {path} must have a mapping, but 1 of 8 have none; the first: ")
    assert result.err.count("\n") == 1


def test_what_cannot_be_mapped_as_json(vitaccel: Run, make_model: Callable[..., Path]) -> None:
    result = vitaccel("inspect", make_model(op="Sinh"), "--json")
    record = json.loads(result.out)
    assert result.code == 2
    assert record["supported"] is False
    assert record["macs"] is None
    assert [node["name"] for node in record["nodes"] if not node["supported"]] == ["act"]


def test_input_shape(vitaccel: Run, make_model: Callable[..., Path]) -> None:
    path = make_model(batch="N")
    record = json.loads(vitaccel("inspect", path, "--json", "--input-shape", "image=3x3x8x8").out)
    assert record["input_shapes"] == {"image": [3, 3, 8, 8]}
    assert "missing.onnx" in vitaccel("inspect", "missing.onnx").refused()
