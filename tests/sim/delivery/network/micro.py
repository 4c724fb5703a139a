"""The smallest delivery of a network with attention: made once, as emitting its Verilog takes a while."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from vitaccel import zoo
from vitaccel.arch import Arch
from vitaccel.backends.onnx_qdq import save
from vitaccel.compiler import quantize_model
from vitaccel.evaluation.data import random_data
from vitaccel.frontend import import_model
from vitaccel.quantization.source import default_calibration
from vitaccel_sim.delivery.network.deliver import Network, deliver_network

NAME, IMAGES = "micro", 2

PE = "4x4"
SETTINGS = {
    "buffers.activation_bytes": "8192", "buffers.weight_bytes": "4096", "buffers.logit_bytes": "1024",
    "buffers.parameter_bytes": "2048", "memory.bus_bits": "64", "memory.latency_cycles": "16",
}  # fmt: skip


def arch() -> Arch:
    return Arch().with_settings(SETTINGS).with_pe(PE)


@cache
def onnx(model: str = "vit-micro") -> bytes:
    """A vision transformer of one block, quantized, or another micro model."""
    options = {"depth": 1} if model == "vit-micro" else {}
    with TemporaryDirectory() as folder:
        path = zoo.export(model, Path(folder) / "float.onnx", exporter="legacy", **options)
        graph = import_model(path).graph
        done = quantize_model(graph, default_calibration(graph))
        save(done.graph, Path(folder) / "model.onnx", quantization=done.choices.to_json())
        return (Path(folder) / "model.onnx").read_bytes()


@cache
def network(model: str = "vit-micro") -> Network:
    """The delivery; with golden images as the command draws them."""
    return deliver_network(
        onnx(model), NAME, arch(), lambda graph: random_data(graph, IMAGES, seed=0, purpose="golden").inputs
    )


def write(folder: Path, made: Network | None = None) -> Path:
    """Write its files, or another's, and return the folder."""
    for name, content in (made or network()).files.items():
        (folder / name).write_bytes(content)
    return folder
