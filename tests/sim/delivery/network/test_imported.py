"""A quantized file on a machine, as the verification imports it."""

from __future__ import annotations

from tests.sim.delivery.network.micro import NAME, onnx
from vitaccel_sim.delivery.network.imported import imported


def test_a_file_is_imported_with_its_scales() -> None:
    graph = imported(onnx(), NAME)
    assert all(graph[name].scale for name in graph.inputs)
