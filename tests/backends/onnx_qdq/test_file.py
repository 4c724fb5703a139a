from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from vitaccel.backends.onnx_qdq import file, save
from vitaccel.errors import OutputError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Linear
from vitaccel.ir.types import TensorType


@pytest.fixture
def graph() -> Graph:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 4, 3)), name="x")
    graph.outputs = [graph.add(Linear(), [x, graph.add_const(np.ones((3, 3), np.float32))])]
    return graph


def test_the_file_is_there_alone(graph: Graph, tmp_path: Path) -> None:
    path = save(graph, tmp_path / "m.onnx")
    onnx.checker.check_model(str(path))
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o044


def test_a_file_beyond_protobuf_is_refused_and_the_old_one_stays(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("old")
    monkeypatch.setattr(file, "LIMIT_BYTES", 100)
    with pytest.raises(
        OutputError, match=r"^the quantized model m.onnx must be under 2 GiB, as protobuf demands, not \d+ bytes$"
    ):
        save(graph, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_bad_places_are_refused(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must be a file that ends in \.onnx"):
        save(graph, tmp_path / "m.txt")
    with pytest.raises(OutputError, match="folder of the quantized model must exist"):
        save(graph, tmp_path / "no" / "m.onnx")
