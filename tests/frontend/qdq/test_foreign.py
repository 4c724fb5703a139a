"""Quantized files of other tools: onnxruntime's quantize_static, and the form that Brevitas writes."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from tests.backends.onnx_qdq.synthetic import feeds_of
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import ImportedModel, import_model
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Const, Conv2d, Linear
from vitaccel.ir.scales import integers_of, unscaled

Imported = Callable[..., ImportedModel]
Exported = Callable[..., Path]

SYMMETRIC: dict[str, Any] = {
    "activation_type": QuantType.QInt8,
    "weight_type": QuantType.QInt8,
    "per_channel": True,
    "extra_options": {"ActivationSymmetric": True, "WeightSymmetric": True},
}
WIDE: dict[str, Any] = {
    "activation_type": QuantType.QInt16,
    "per_channel": True,
    "extra_options": {"UseQDQContribOps": True},
}
DEFAULT: dict[str, Any] = {}


class Images(CalibrationDataReader):
    def __init__(self, graph: Graph, seed: int) -> None:
        self.feeds = iter([feeds_of(graph, seed + at) for at in range(3)])

    def get_next(self) -> Any:
        return next(self.feeds, None)


@pytest.fixture
def by_onnxruntime(tmp_path: Path, seed: int) -> Callable[..., Path]:
    def quantize(source: Path, **options: Any) -> Path:
        # onnxruntime leaves a file beside the source for a while, and workers share sources.
        source, target = Path(shutil.copy(source, tmp_path)), tmp_path / "ort.onnx"
        arguments = {"quant_format": QuantFormat.QDQ, **options}
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantize_static(str(source), str(target), Images(import_model(source).graph, seed), **arguments)
        logging.disable(logging.NOTSET)
        return target

    return quantize


def bare(graph: Graph) -> list[str]:
    return [line.split("  #")[0] for line in str(graph).splitlines()]


@pytest.mark.parametrize("options", [SYMMETRIC, DEFAULT, WIDE], ids=["symmetric", "default", "int16"])
@pytest.mark.parametrize(
    ("model", "choices"),
    [("vit-micro", {}), ("lookupvit-micro", {}), ("m3vit-micro", {"moe_style": "dense_bmm"}), ("hybrid-micro", {})],
)
def test_a_file_of_onnxruntime_is_the_float_network(
    model: str, choices: dict[str, Any], options: Any, exported: Exported, by_onnxruntime: Callable[..., Path]
) -> None:
    source = exported(model, exporter="legacy", opset=17, attention="eager", **choices)
    found = import_model(by_onnxruntime(source, **options))
    assert bare(found.graph) == bare(import_model(source).graph)
    left = {found.graph[name].op.name for name in unscaled(found.graph)}
    # Made at import, or of operators that onnxruntime does not quantize: resize matrix, einsum, relu and silu parts.
    assert left <= ({"const", "mul"} if model != "vit-micro" and model != "hybrid-micro" else {"activation", "conv2d"})
    if model == "vit-micro":
        assert left == set()
    assert any("asymmetric" in note for note in found.notes) == (options is not SYMMETRIC)


def test_the_scales_and_integers_are_those_of_the_file(exported: Exported, by_onnxruntime: Any) -> None:
    path = by_onnxruntime(exported("vit-micro", exporter="legacy", opset=17, attention="eager"), **SYMMETRIC)
    model = onnx.load(path)
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    graph = import_model(path).graph
    seen = 0
    for name in graph.topological():
        if not isinstance(graph[name].op, Linear | Conv2d):
            continue
        weight = graph[name].inputs[1]
        (source,) = graph[weight].sources
        stored, scale = tensors[source], tensors[source.replace("_quantized", "_scale")]
        assert set(graph[weight].scale) <= set(np.atleast_1d(scale).tolist())
        shape = graph.array(weight).shape
        if shape in (stored.shape, stored.shape[::-1]):
            assert np.array_equal(integers_of(graph, weight), stored if shape == stored.shape else stored.T)
            assert graph[weight].scale == tuple(np.broadcast_to(scale, len(graph[weight].scale)).tolist())
            seen += 1
            continue
        # A fused projection, split: its third of the columns, in order.
        assert any(
            np.array_equal(integers_of(graph, weight), part) for part in np.split(stored.reshape(18, -1), 3, axis=1)
        )
    assert seen >= 5
    (image,) = graph.inputs
    assert graph[image].scale == (float(tensors[f"{image}_scale"]),)
    assert graph[image].fmt == "int8"


def test_parts_of_a_fused_projection_have_its_scale(exported: Exported, by_onnxruntime: Any) -> None:
    path = by_onnxruntime(exported("vit-micro", exporter="legacy", opset=17, attention="eager"), **SYMMETRIC)
    graph = import_model(path).graph
    logits = graph.find(lambda node: node.op.name == "attention_logits")
    queries, keys = graph[logits[0]].inputs
    assert len(graph[queries].scale) == 1
    assert graph[queries].scale == graph[keys].scale


def test_a_relu_that_the_quantizer_left_out_is_put_back(exported: Exported, by_onnxruntime: Any) -> None:
    path = by_onnxruntime(exported("hybrid-micro", exporter="legacy", opset=17, attention="eager"))
    assert "Relu" not in [node.op_type for node in onnx.load(path).graph.node]
    graph = import_model(path).graph
    assert next(op.kind for n in graph.topological() if isinstance(op := graph[n].op, Activation)) == "relu"


def test_integer_operators_are_refused(exported: Exported, by_onnxruntime: Any) -> None:
    path = by_onnxruntime(exported("vit-micro", exporter="legacy", opset=17), quant_format=QuantFormat.QOperator)
    with pytest.raises(UnsupportedError, match=r"QLinear\w+ node '.*' must .*QDQ format"):
        import_model(path)


# -- Brevitas: int8 around 0, a Clip for a narrow range or fewer bits ----------------------------------------------
def brevitas_pair(net: Any, x: str, scale: float | np.ndarray, low: int, high: int, **axis: int) -> str:
    scales = net.const(scale)
    zero = net.const(np.zeros(np.shape(scale)), np.int8)
    integers = net.op("QuantizeLinear", x, scales, zero, **axis)
    clipped = net.op("Clip", integers, net.const(low, np.int8), net.const(high, np.int8))
    return str(net.op("DequantizeLinear", clipped, scales, zero, **axis))


@pytest.mark.parametrize(("bits", "fmt"), [(8, "int8"), (4, "int4"), (3, "int4")])
def test_a_clip_makes_fewer_bits(net: Any, bits: int, fmt: str) -> None:
    high = 2 ** (bits - 1) - 1
    weights = net.rng.standard_normal((16, 12)).astype(np.float32)
    scales = (np.abs(weights).max(axis=1) / high * 0.8).astype(np.float32)
    x = brevitas_pair(net, net.input(1, 5, 12), 0.05, -127, 127)
    weight = brevitas_pair(net, net.const(weights), scales, -high, high, axis=0)
    y = net.op("Add", net.op("MatMul", x, net.transpose(weight, 1, 0)), net.weight(16))
    graph = import_model(net.save(brevitas_pair(net, y, 0.1, -127, 127), opset=21)).graph
    (name,) = graph.find(lambda node: node.op.name == "linear")
    weight = graph[name].inputs[1]
    assert graph[weight].fmt == fmt
    assert graph[weight].scale == tuple(scales.tolist())
    assert np.array_equal(integers_of(graph, weight), np.rint(weights / scales[:, None]).clip(-high, high).T)
    assert (graph["x0"].scale, graph["x0"].fmt) == ((float(np.float32(0.05)),), "int8")
    assert graph[name].scale == (float(np.float32(0.1)),)


def test_stored_integers_of_a_gemm_stay_with_their_rows(net: Any) -> None:
    integers = net.rng.integers(-128, 128, (7, 6)).astype(np.int8)
    scales = np.linspace(0.01, 0.07, 7, dtype=np.float32)
    stored, zeros = net.const(integers, np.int8), net.const(np.zeros(7), np.int8)
    weight = net.op("DequantizeLinear", stored, net.const(scales), zeros, axis=0)
    graph = import_model(net.save(net.op("Gemm", net.input(3, 6), weight, transB=1))).graph
    (weight,) = [n for n in graph.topological() if isinstance(graph[n].op, Const)]
    assert graph[weight].scale == tuple(scales.tolist())
    assert np.array_equal(integers_of(graph, weight), integers.T)


def test_int4_weights_in_external_data_are_read(net: Any) -> None:
    net.initializers.append(
        onnx.helper.make_tensor("w4", TensorProto.INT4, [4, 3], [-8, 7, 1, 0, -1, 2, 3, 4, 5, 6, -2, -3])
    )
    weight = net.op("DequantizeLinear", "w4", net.const(0.5))
    path = net.save(net.op("MatMul", net.input(1, 2, 4), weight), opset=21)
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="w.data", size_threshold=0)
    graph = import_model(path).graph
    (name,) = [n for n in graph.topological() if isinstance(graph[n].op, Const)]
    assert integers_of(graph, name).reshape(-1).tolist() == [-8, 7, 1, 0, -1, 2, 3, 4, 5, 6, -2, -3]
    assert (graph[name].fmt, graph[name].scale) == ("int4", (0.5,))
