"""What the zoo tests share: a float answer that PyTorch did not give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

RunOnnx = Callable[[Path, Mapping[str, torch.Tensor]], np.ndarray]


def run(path: Path, inputs: Mapping[str, torch.Tensor]) -> np.ndarray:
    """Return the first output of a model in onnxruntime."""
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "MoE":
            # The 1.31 CPU kernel spoils its input when the output shares its memory; a graph output stays apart.
            model.graph.output.append(onnx.ValueInfoProto(name=node.input[0]))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]
    return result


@pytest.fixture
def run_onnx() -> RunOnnx:
    return run


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Micro models are slower on several threads, and the machine is shared."""
    torch.set_num_threads(1)
