"""A quantized Graph as an ONNX model."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

import vitaccel

# Each of these fills the table behind `emit` with one family of ops.
from vitaccel.backends.onnx_qdq import attention, experts, images, lanes, matrix, views  # noqa: F401
from vitaccel.backends.onnx_qdq.builder import Builder
from vitaccel.backends.onnx_qdq.emit import Site, Values, emit
from vitaccel.backends.onnx_qdq.pairs import constant, quantized
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Input
from vitaccel.ir.scales import QUANTIZATION_KEY

OPSET = 21
"""The first with 16-bit QuantizeLinear and 4-bit weights."""

IR_VERSION = 10
"""That of opset 21; nodes have metadata."""

ELEMENTS = {"f32": TensorProto.FLOAT, "i64": TensorProto.INT64, "bool": TensorProto.BOOL}


def to_onnx(graph: Graph, *, quantization: str = "") -> onnx.ModelProto:
    """A quantized Graph as an ONNX model of standard operators, opset 21.

    Every value with a scale passes a QuantizeLinear and a DequantizeLinear; readers of its int8 copy
    (``Node.narrow_scale``) pass another pair; values inside experts (``Node.inner_scale``) pass theirs. Constants with
    a scale are integer initializers and a DequantizeLinear. What has no scale stays float. Zero points are 0.

    Parameters
    ----------
    graph
        Recognised; before or after the passes up to precision. ``fmt`` of a value with a scale says its integer type:
        ``int8``, ``int16``, or ``q9.6`` and the like for 16 bits; of a constant ``int4``, ``int8``, ``int16``,
        ``int32``, or "" for the narrowest of the last three.
    quantization
        The quantizer's choices as JSON text, kept in the model's metadata as ``vitaccel.quantization``.

    Raises
    ------
    UnsupportedError
        If an ONNX operator is left in the graph.
    ValueError
        If a scale does not fit its value, a format is no integer format, or a constant is off its grid.
    """
    graph = graph.canonical()
    builder, values = Builder(), Values()
    for name in graph.inputs:
        values.wide[name] = quantized(builder, graph, name, builder.fresh(name))
    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, Const | Input):
            continue
        site = Site(graph, name, builder, values)
        values.wide[name] = quantized(builder, graph, name, emit(node.op, site))
    outputs = [_output(graph, builder, values, name) for name in graph.outputs]
    body = helper.make_graph(
        builder.nodes,
        graph.name,
        [helper.make_tensor_value_info(n, _element(graph, n), graph[n].type.static_shape) for n in graph.inputs],
        [
            helper.make_tensor_value_info(made, _element(graph, name), graph[name].type.static_shape)
            for made, name in zip(outputs, graph.outputs, strict=True)
        ],
        builder.initializers,
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="vitaccel",
        producer_version=vitaccel.__version__,
    )
    if quantization:
        helper.set_model_props(model, {QUANTIZATION_KEY: quantization})
    return model


def _output(graph: Graph, builder: Builder, values: Values, name: str) -> str:
    if name not in values.wide:
        values.wide[name] = constant(builder, graph, name)
    made = builder.fresh("output")
    builder.nodes.append(helper.make_node("Identity", [values.wide[name]], [made], name=builder.fresh("return")))
    return made


def _element(graph: Graph, name: str) -> int:
    return ELEMENTS[graph[name].type.element]
