"""The whole way from an ONNX file to a recognised Graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.coverage import NodeFate, coverage, reason
from vitaccel.frontend.load import check_opset, load
from vitaccel.frontend.macs import macs_exported, macs_of_routed, routed_sources
from vitaccel.frontend.normalize import normalize
from vitaccel.frontend.recognize.activation import recognize_activation
from vitaccel.frontend.recognize.attention import recognize_attention
from vitaccel.frontend.recognize.attention_operator import recognize_attention_operator
from vitaccel.frontend.recognize.difference import recognize_difference
from vitaccel.frontend.recognize.layernorm import recognize_layernorm
from vitaccel.frontend.recognize.linear import recognize_linear
from vitaccel.frontend.recognize.mean import recognize_mean
from vitaccel.frontend.recognize.moe import recognize_moe
from vitaccel.frontend.recognize.norm_scale import recognize_norm_scale
from vitaccel.frontend.recognize.operands import order_operands
from vitaccel.frontend.recognize.softmax import recognize_softmax
from vitaccel.frontend.recognize.token_map import recognize_token_map
from vitaccel.frontend.recognize.tokens import recognize_tokens
from vitaccel.frontend.recognize.views import recognize_views
from vitaccel.frontend.settle import settle_constants, settle_formats, settle_values, settle_views
from vitaccel.frontend.shapes import Shapes
from vitaccel.frontend.translate import translate
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Conv2d, Foreign, Linear
from vitaccel.ir.scales import QUANTIZATION_KEY
from vitaccel.ir.verify import verify_graph

Recognizer = Callable[[Graph], None]

RECOGNIZERS: tuple[tuple[str, Recognizer], ...] = (
    ("softmax", recognize_softmax),
    ("activation", recognize_activation),
    ("layernorm", recognize_layernorm),
    ("moe", recognize_moe),
    ("attention operator", recognize_attention_operator),
    ("attention", recognize_attention),
    ("token map", recognize_token_map),
    ("mean", recognize_mean),
    ("difference", recognize_difference),
    ("views", recognize_views),
    ("linear", recognize_linear),
    ("norm scale", recognize_norm_scale),
    ("tokens", recognize_tokens),
    ("operands", order_operands),
)
"""Patterns in the order they are looked for; later ones see what earlier ones made."""


@dataclass(frozen=True)
class ImportedModel:
    """An ONNX model as a Graph.

    Parameters
    ----------
    graph
        Recognised and canonical; free of Foreign nodes unless they were asked to stay.
    macs_exported
        Multiply-accumulates of the file as written.
    coverage
        What became of every node of the file.
    opset, producer
        Version of the default operator set; who wrote the file.
    input_shapes
        Concrete shape of every input.
    quantization
        Text that the quantizer stored with the file (metadata ``vitaccel.quantization``), "" without.
    notes
        Sentences on what the import changed in a quantized file.
    """

    graph: Graph
    macs_exported: int
    coverage: tuple[NodeFate, ...]
    opset: int
    producer: str
    input_shapes: dict[str, tuple[int, ...]]
    quantization: str = ""
    notes: tuple[str, ...] = ()


def import_model(
    path: str | Path,
    *,
    input_shapes: Shapes | None = None,
    progress: Callable[[str], None] | None = None,
    keep_unsupported: bool = False,
) -> ImportedModel:
    """Read an ONNX file as a Graph.

    Parameters
    ----------
    path
        The ``.onnx`` file.
    input_shapes
        Shapes of inputs by name, for those the file leaves open; the name ``""`` means the image. An open batch is 1.
    progress
        Called with the name of each step before it begins.
    keep_unsupported
        Leave what has no mapping in the Graph, as ``Foreign`` nodes, and say so in the coverage.

    Raises
    ------
    ModelError
        If the file is not a sound ONNX model.
    UnsupportedError
        If something in it has no mapping to the machine.
    """
    say = progress or (lambda _: None)
    say("load")
    model = load(path)
    say("normalize")
    normalized = normalize(model, folder=Path(path).parent, input_shapes=input_shapes)
    graph = normalized.graph
    say("translate")
    refused = translate(graph).refused
    exported, routed = macs_exported(graph), routed_sources(graph)
    settle_values(graph)
    for name, recognize in RECOGNIZERS:
        say(name)
        recognize(graph)
        settle_values(graph)
        graph.prune()
    settle_constants(graph)
    settle_views(graph)
    settle_formats(graph)
    _count_single_biases(graph)
    reasons = {_origin(graph, n): text for n, text in refused.items() if n in graph}
    graph = graph.canonical()
    refused = {n: reasons[_origin(graph, n)] for n in foreign_nodes(graph) if _origin(graph, n) in reasons}
    left = foreign_nodes(graph)
    if left and not keep_unsupported:
        op = graph[left[0]].op
        assert isinstance(op, Foreign)
        raise UnsupportedError(reason(op, refused.get(left[0])))
    if not left:
        verify_graph(graph, after="import")
    return ImportedModel(
        graph=graph,
        macs_exported=exported + macs_of_routed(graph, routed),
        coverage=coverage(normalized, graph, refused),
        opset=check_opset(model),
        producer=" ".join(part for part in (model.producer_name, model.producer_version) if part),
        input_shapes={n: graph[n].type.static_shape for n in graph.inputs},
        quantization=next((p.value for p in model.metadata_props if p.key == QUANTIZATION_KEY), ""),
        notes=normalized.notes,
    )


def _count_single_biases(graph: Graph) -> None:
    """The bias of a single output channel is learned; elsewhere a constant of one element is arithmetic."""
    for name in graph.find(lambda node: isinstance(node.op, Linear | Conv2d) and len(node.inputs) == 3):
        bias = graph[name].inputs[2]
        if graph.is_const(bias) and graph[bias].type.size == 1:
            graph.update(bias, op=Const(parameter=True))


def foreign_nodes(graph: Graph) -> list[str]:
    """Nodes that were not recognised, in canonical order."""
    return graph.find(lambda node: isinstance(node.op, Foreign))


def _origin(graph: Graph, name: str) -> tuple[str, int]:
    op = graph[name].op
    return (op.origin, op.output) if isinstance(op, Foreign) else ("", 0)
