"""A ``ModelProto`` as a Graph of ``Input``, ``Const`` and ``Foreign`` nodes: shapes concrete, constants folded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from vitaccel.errors import ModelError
from vitaccel.frontend import identities
from vitaccel.frontend.functions import inline_functions
from vitaccel.frontend.shapes import Shapes, input_types
from vitaccel.frontend.walk import Scope, Walk
from vitaccel.frontend.weights import Weights
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input


@dataclass(frozen=True)
class Normalized:
    """A model as a Graph, and what became of its nodes on the way.

    Parameters
    ----------
    graph
        The Graph; every type is known, dimensions are ``None`` only where they depend on data.
    nodes
        ``(node name, op type)`` of every ONNX node, in file order; nodes without a name get one.
    folded
        Names of the nodes evaluated to constants, or equal to one of their inputs.
    quantizers
        What became of QuantizeLinear, DequantizeLinear and what is between them, by node name.
    notes
        Sentences about the file's quantization that its reader should know.
    """

    graph: Graph
    nodes: tuple[tuple[str, str], ...]
    folded: frozenset[str]
    quantizers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def normalize(model: onnx.ModelProto, *, folder: Path | None = None, input_shapes: Shapes | None = None) -> Normalized:
    """Make shapes concrete and fold everything that depends on shapes and constants only.

    Parameters
    ----------
    model
        From :func:`vitaccel.frontend.load.load`, or made in memory.
    folder
        Folder of the model file, which external data is relative to.
    input_shapes
        See :func:`vitaccel.frontend.shapes.input_types`.

    Raises
    ------
    ModelError
        If the model breaks a rule of ONNX, or a weight is NaN or infinite.
    UnsupportedError
        If an operator, a control flow or an element type is not supported.
    """
    model = inline_functions(model)
    walk = Walk(model, Weights(folder))
    graph, scope = walk.graph, Scope(None)
    for name, type_ in input_types(model, input_shapes).items():
        scope.values[name] = graph.add(Input(), type=type_, name=name)
    walk.run(model.graph, scope)
    if not model.graph.output:
        raise ModelError("the model must have an output")
    for output in model.graph.output:
        walk.quantization.refuse_output(output.name)
        graph.outputs.append(walk.value(output.name, scope, "the list of outputs"))
    graph.prune()
    identities.store_batch_copies_once(graph)
    quantization = walk.quantization
    return Normalized(graph, tuple(walk.nodes), frozenset(walk.folded), dict(quantization.fates), quantization.notes())
