"""Networks written operator by operator, imported, and run beside onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from vitaccel.backends.float_graph import evaluate
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph


class Net:
    """An ONNX model under construction; every method that makes a value returns its name.

    Parameters
    ----------
    path
        File to write.
    seed
        Of the weights and of the inputs.
    """

    def __init__(self, path: Path, *, seed: int) -> None:
        self.path = path
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: dict[str, tuple[int, ...]] = {}
        self.initializers: list[onnx.TensorProto] = []
        self.custom = False

    def input(self, *shape: int) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs[name] = shape
        return name

    def const(self, values: Any, kind: type = np.float32) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(values, np.int64)

    def weight(self, *shape: int) -> str:
        return self.const(self.rng.standard_normal(shape) / np.sqrt(shape[0]))

    def op(self, kind: str, *operands: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        names = [f"v{len(self.nodes)}_{at}" for at in range(outputs)]
        node = helper.make_node(kind, operands, names, name=f"{kind}_{len(self.nodes)}", domain=domain, **attributes)
        self.nodes.append(node)
        self.custom = self.custom or domain != ""
        return names[0] if outputs == 1 else names

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        return self.op("Add", self.op("MatMul", x, self.weight(inputs, outputs)), self.weight(outputs))

    def reshape(self, x: str, *shape: int) -> str:
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *perm: int) -> str:
        return self.op("Transpose", x, perm=perm)

    def save(self, *outputs: str, opset: int = 18) -> Path:
        def declared(name: str, shape: Sequence[int] | None) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self.nodes,
            "net",
            [declared(name, shape) for name, shape in self.inputs.items()],
            [declared(name, None) for name in outputs],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", opset)]
        if self.custom:
            opsets.append(helper.make_opsetid("com.microsoft", 1))
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), self.path)
        return self.path

    def graph(self, *outputs: str, opset: int = 18, tolerance: float = 1e-5) -> Graph:
        """Import the network; its Graph must compute what onnxruntime computes."""
        path = self.save(*outputs, opset=opset)
        graph = import_model(path).graph
        feeds = {name: self.rng.standard_normal(shape).astype(np.float32) for name, shape in self.inputs.items()}
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for found, expected in zip(evaluate(graph, feeds), session.run(None, feeds), strict=True):
            assert found.shape == expected.shape
            assert np.isfinite(expected).all()
            assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()
        return graph


@pytest.fixture
def net(tmp_path: Path, seed: int) -> Net:
    return Net(tmp_path / "net.onnx", seed=seed)


def ops(graph: Graph) -> list[str]:
    """Names of the operations in canonical order, without inputs and constants."""
    names = [graph[name].op.name for name in graph.topological()]
    return [name for name in names if name not in ("input", "const")]


@pytest.fixture(name="ops")
def ops_fixture() -> Any:
    return ops
