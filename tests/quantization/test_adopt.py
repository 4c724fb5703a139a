"""Scales of files: those of the quantizer stay as they are, those of onnxruntime give its network in integers."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from tests.quantization.conftest import MICRO, front, images_for
from vitaccel.arch import Arch
from vitaccel.backends import onnx_qdq
from vitaccel.errors import QuantizationError
from vitaccel.execution import IntegerModel
from vitaccel.frontend import ImportedModel, import_model
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, AttentionLogits, LayerNorm, Linear
from vitaccel.quantization import quantize
from vitaccel.quantization.adopt import adopt_scales
from vitaccel.quantization.streams import streams
from vitaccel.zoo.digits import load_split

SCALES = ("scale", "narrow_scale", "inner_scale")


@pytest.mark.parametrize("name", ["deit-distilled", "lookupvit-mean", "m3vit-task", "hybrid"])
def test_scales_in_the_form_of_the_machine_stay(
    name: str, imported: Callable[..., ImportedModel], tmp_path: Path, seed: int
) -> None:
    zoo_name, options = MICRO[name]
    graph = front(imported(zoo_name, **options).graph)
    made, _ = quantize(graph, images_for(graph, 3, seed))
    read = import_model(onnx_qdq.save(made, tmp_path / "q.onnx")).graph
    adopted, expected = adopt_scales(read, fraction_bits=6, model="q.onnx"), front(read)
    assert list(adopted) == list(expected)
    for value in expected:
        assert [getattr(adopted[value], s) for s in SCALES] == [getattr(expected[value], s) for s in SCALES], value
        if expected.is_const(value):
            np.testing.assert_array_equal(adopted.array(value), expected.array(value))


@pytest.fixture(scope="module")
def foreign(exported: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The digits model quantized by onnxruntime."""

    class Images(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(load_split("calibration").images[:50])

        def get_next(self) -> Any:
            image = next(self.left, None)
            return None if image is None else {"image": image[None]}

    def make(**options: Any) -> Path:
        source = exported("vit-digits", exporter="legacy", opset=17, attention="eager")
        target = tmp_path_factory.mktemp("foreign") / "foreign.onnx"
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A copy, because onnxruntime leaves a file beside the source for a while, and workers share sources.
            copy = shutil.copy(source, target.parent)
            quantize_static(copy, str(target), Images(), quant_format=QuantFormat.QDQ, **options)
        logging.disable(logging.NOTSET)
        return target

    return make


SYMMETRIC: dict[str, Any] = {
    "activation_type": QuantType.QInt8,
    "weight_type": QuantType.QInt8,
    "per_channel": True,
    "extra_options": {"ActivationSymmetric": True, "WeightSymmetric": True},
}
WIDE: dict[str, Any] = {"activation_type": QuantType.QInt16, "extra_options": {"UseQDQContribOps": True}}


@pytest.mark.parametrize("options", [SYMMETRIC, {}, WIDE], ids=["symmetric", "default", "int16"])
def test_a_file_of_onnxruntime_runs_in_integers(foreign: Callable[..., Path], options: dict[str, Any]) -> None:
    """It is the same network: where the machine rounds as the file does it agrees, and elsewhere it is finer."""
    path = foreign(**options)
    images = load_split("test").images[:64]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])
    graph = adopt_scales(import_model(path).graph, fraction_bits=6, model="foreign.onnx")
    (found,) = IntegerModel(graph, Arch()).run({"image": images}).values
    noise = np.square(found - expected).mean() / np.square(expected).mean()
    assert 10 * np.log10(1 / noise) > 25
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.96


def test_the_ranges_are_those_of_the_file(foreign: Callable[..., Path]) -> None:
    read = import_model(foreign(**SYMMETRIC)).graph
    graph = adopt_scales(read, fraction_bits=8, model="foreign.onnx")
    filed = front(read)
    joined = streams(graph)
    of_stream: dict[str, set[tuple[float, ...]]] = {}
    for name in graph.topological():
        if graph[name].scale and name in joined:
            of_stream.setdefault(joined[name], set()).add(graph[name].scale)
    assert max(len(scales) for scales in of_stream.values()) == 1
    for name in graph.topological():
        node, was = graph[name], filed[name]
        if isinstance(node.op, AttentionLogits):
            assert node.scale == (float(np.float32(np.log(2) / 2**8)),)
        elif isinstance(node.op, LayerNorm):
            assert set(node.scale) == set(was.scale)
        elif isinstance(node.op, Activation):
            argument = graph[node.inputs[0]]
            assert set(argument.scale) == set(filed[node.inputs[0]].scale)
        elif isinstance(node.op, Linear) and name in graph.outputs:
            assert node.scale[0] == pytest.approx(was.scale[0] * 127 / 32767, rel=1e-6)
    residual = [
        n
        for n in graph.topological()
        if (graph[n].op.name == "add" and joined[n] != n) or graph[n].label == "embed.patch"
    ]
    widest = max(filed[n].scale[0] for n in residual if filed[n].scale) * 127 / 32767
    assert any(graph[n].scale[0] >= widest * (1 - 1e-6) for n in residual)


def without(graph: Graph, name: str) -> Graph:
    graph.update(name, scale=(), narrow_scale=0.0, inner_scale=())
    return graph


def test_what_lacks_a_scale_is_named(imported: Callable[..., ImportedModel], seed: int) -> None:
    def fresh(name: str) -> Graph:
        graph = front(imported(name).graph)
        return quantize(graph, images_for(graph, 2, seed))[0]

    vit = fresh("vit-micro")
    norm = vit.find(lambda node: isinstance(node.op, LayerNorm))[0]
    label = vit[norm].label
    with pytest.raises(
        QuantizationError, match=rf"^every value of q\.onnx .*1 have none, the first of {label} \(layernorm\)"
    ):
        adopt_scales(without(vit, norm), fraction_bits=6, model="q.onnx")
    vit = fresh("vit-micro")
    linear = vit.find(lambda node: isinstance(node.op, Linear))[0]
    with pytest.raises(QuantizationError, match=rf"the first of the weights of {vit[linear].label}:"):
        adopt_scales(without(vit, vit[linear].inputs[1]), fraction_bits=6, model="q.onnx")
    experts = fresh("m3vit-micro")
    (moe, *_) = experts.find(lambda node: node.op.name == "moe")
    experts.update(moe, inner_scale=experts[moe].inner_scale[:2])
    with pytest.raises(QuantizationError, match=r"the first of .* \(moe\)"):
        adopt_scales(experts, fraction_bits=6, model="q.onnx")
