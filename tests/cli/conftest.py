"""A small hand-written transformer-like ONNX file, and the command line called in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vitaccel.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def refused(self, code: int = 2) -> str:
        """Return the sentence of a command that failed as it should: one line, no traceback, nothing printed."""
        assert self.code == code, self
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("error: ").rstrip("\n")


@pytest.fixture
def vitaccel(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command line in this process."""

    def run(*arguments: str | Path) -> Result:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return run


def small_model(
    *, batch: int | str = 1, side: int | str = 8, op: str = "Relu", poison: bool = False
) -> onnx.ModelProto:
    """Patches of an image, a linear layer, an activation *op*, a LayerNorm, a mean over tokens and a classifier."""
    rng = np.random.default_rng(0)

    def weight(name: str, *sizes: int) -> onnx.TensorProto:
        values = rng.standard_normal(sizes).astype(np.float32)
        if poison and name == "w":
            values[0, 0] = np.nan
        return numpy_helper.from_array(values, name)

    nodes = [
        helper.make_node("Conv", ["image", "patch"], ["grid"], name="embed", strides=[4, 4], kernel_shape=[4, 4]),
        helper.make_node("Reshape", ["grid", "shape"], ["channels"], name="flatten"),
        helper.make_node("Transpose", ["channels"], ["tokens"], name="to_tokens", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["tokens", "w"], ["hidden"], name="fc1"),
        helper.make_node(op, ["hidden"], ["active"], name="act"),
        helper.make_node("LayerNormalization", ["active", "g", "b"], ["normed"], name="norm"),
        helper.make_node("ReduceMean", ["normed", "axis"], ["pooled"], name="pool", keepdims=0),
        helper.make_node("Gemm", ["pooled", "head", "bias"], ["logits"], name="head"),
    ]
    stored = [
        weight("patch", 16, 3, 4, 4), weight("w", 16, 32), weight("g", 32), weight("b", 32), weight("head", 32, 5),
        weight("bias", 5), numpy_helper.from_array(np.array([0, 16, -1]), "shape"),
        numpy_helper.from_array(np.array([1]), "axis"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 5])],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Write :func:`small_model` with its options as a file."""

    def make(name: str = "small.onnx", **options: Any) -> Path:
        path = tmp_path / name
        onnx.save_model(small_model(**options), path)
        return path

    return make


@pytest.fixture
def model(make_model: Callable[..., Path]) -> Path:
    """Return the small model as a file: 5280 MACs."""
    return make_model()
