"""A visit to every node of an ONNX graph: each is folded, dropped, or added to the Graph as Foreign nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend import fold, identities
from vitaccel.frontend.arithmetic import ELEMENT_LIMIT, RULES
from vitaccel.frontend.attributes import attributes_of, constant_value, plain
from vitaccel.frontend.indices import check_indices
from vitaccel.frontend.infer import TypeInference
from vitaccel.frontend.order import sorted_nodes
from vitaccel.frontend.qdq.reader import Quantization
from vitaccel.frontend.weights import Weights, is_finite_or_mask
from vitaccel.ir.graph import Graph
from vitaccel.ir.grid import Grid, compressed
from vitaccel.ir.ops import Const, Foreign
from vitaccel.ir.scales import TOKEN_MIX_KEY
from vitaccel.ir.types import TensorType

_QUANTIZED = "give the model in QDQ format (QuantizeLinear and DequantizeLinear around float operators), or in float"
REFUSED = {
    "If": "its condition must be a constant",
    "Loop": "export the loop unrolled",
    "Scan": "export the loop unrolled",
    "ConvInteger": _QUANTIZED,
    "DynamicQuantizeLinear": _QUANTIZED,
    "MatMulInteger": _QUANTIZED,
    "QLinearConv": _QUANTIZED,
    "QLinearMatMul": _QUANTIZED,
}
"""What no model may hold, and what to do about it."""

PASS_THROUGH = ("Identity", "Dropout")
KEEP_UNFOLDED = ("Expand", "Tile")
"""Repetition of a parameter stays an operation: the parameter is stored once."""

NUMPY_ELEMENTS = {"f32": np.float32, "i64": np.int64, "bool": np.bool_}
"""How each element type of the Graph is stored."""

REARRANGING = frozenset(
    {"Concat", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Operators that make no new numbers, so that what they give is as finite as what they get."""


class Scope:
    """Values visible in a graph or in a branch of an ``If``, and the initializers not read yet."""

    def __init__(self, parent: Scope | None) -> None:
        self.parent = parent
        self.values: dict[str, str] = {}
        self.stored: dict[str, onnx.TensorProto] = {}

    def home(self, name: str) -> Scope | None:
        """The innermost scope that knows the name."""
        scope: Scope | None = self
        while scope is not None and name not in scope.values and name not in scope.stored:
            scope = scope.parent
        return scope


@dataclass
class Walk:
    """State while the nodes of a model are visited."""

    model: onnx.ModelProto
    weights: Weights
    nodes: list[tuple[str, str]] = field(default_factory=list)
    folded: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    constant_tensors: dict[str, onnx.TensorProto] = field(default_factory=dict)
    depth: int = 0

    def __post_init__(self) -> None:
        # Exporters name graphs differently, and two exports of one model must print alike.
        self.graph = Graph("main")
        self.inference = TypeInference(self.model)
        self.opsets = list(self.model.opset_import)
        self.quantization = Quantization(self)

    def run(self, body: onnx.GraphProto, scope: Scope) -> None:
        """Visit the nodes of a graph or of a branch, each after what it reads."""
        if body.sparse_initializer:
            raise UnsupportedError("initializers must be dense, not sparse")
        for tensor in body.initializer:
            if tensor.name in scope.stored:
                raise ModelError(f"initializer {tensor.name!r} must have a name of its own")
            scope.stored[tensor.name] = tensor
        for node in sorted_nodes(body):
            self.visit(node, scope)

    def value(self, name: str, scope: Scope, where: str) -> str:
        """The Graph node of an ONNX value; an initializer becomes a Const when it is first read."""
        home = scope.home(name)
        if home is None:
            raise ModelError(
                f"the value {name!r} read by {where} must be an input, an initializer or some node's output"
            )
        if name not in home.values:
            array = self.weights.array(home.stored[name])
            home.values[name] = self.constant(array, parameter=_learned(array), source=name)
        return home.values[name]

    def constant(self, array: np.ndarray, *, parameter: bool, source: str) -> str:
        """Add a Const."""
        return self.graph.add_const(array, parameter=parameter, sources=(source,))

    def define(self, name: str, value: str, scope: Scope, where: str) -> None:
        """Give an ONNX value its Graph node."""
        if name in scope.values or name in scope.stored:
            raise ModelError(f"{where} must define a new value, but {name!r} is defined already")
        scope.values[name] = value

    # -- one node --------------------------------------------------------------------------------------------------
    def visit(self, node: onnx.NodeProto, scope: Scope) -> None:
        """Fold a node, drop it, or add it as Foreign nodes, one for each output."""
        name = self.unique_name(node)
        where = f"{node.op_type if node.op_type.isidentifier() else repr(node.op_type)} node {name!r}"
        if node.op_type not in REFUSED and self.quantization.takes(node, where):
            self.quantization.visit(node, name, where, scope)
            return
        operands = [self.value(i, scope, where) if i else None for i in node.input]
        # A branch is checked when it is visited.
        if node.op_type not in REFUSED:
            self.inference.check(node, where)
        if node.op_type == "If" and self.inlined(node, operands, scope, where):
            self.folded.add(name)
            return
        if node.op_type in REFUSED:
            raise UnsupportedError(f"{where} must not be in the model: {REFUSED[node.op_type]}")
        attributes = attributes_of(node, where, self.weights)
        values = [self.graph.array(o) if o is not None and self.graph.is_const(o) else None for o in operands]
        types = [None if o is None else self.graph[o].type for o in operands]
        check_indices(node.op_type, where, types, values, attributes)
        made = self.constants(node, name, where, operands, values, types, attributes)
        if made is None:
            results = self.inference.outputs(node, where, types, values)
            made = self.simplified(node, operands, values, results, attributes)
        if made is not None:
            self.folded.add(name)
        else:
            made = self.foreign(node, name, operands, results, attributes)
        for output, value in zip(node.output, made, strict=False):
            if output:
                self.define(output, value, scope, where)

    def unique_name(self, node: onnx.NodeProto) -> str:
        """The node's name, or one made from its operator and position."""
        base = node.name or f"{node.op_type}_{len(self.nodes)}"
        name = base if base not in self.taken else f"{base}#{len(self.nodes)}"
        self.taken.add(name)
        self.nodes.append((name, node.op_type))
        return name

    def inlined(self, node: onnx.NodeProto, operands: Sequence[str | None], scope: Scope, where: str) -> bool:
        """Visit the branch an ``If`` takes, when its condition is known."""
        branches = {a.name: a.g for a in node.attribute}
        known = len(operands) == 1 and operands[0] is not None and self.graph.is_const(operands[0])
        if not known or set(branches) != {"then_branch", "else_branch"} or self.depth > 32:
            return False
        assert operands[0] is not None
        branch = branches["then_branch" if self.graph.array(operands[0]).all() else "else_branch"]
        if len(branch.output) != len(node.output):
            raise ModelError(f"{where} must have as many outputs as its branches")
        inner = Scope(scope)
        self.depth += 1
        self.run(branch, inner)
        self.depth -= 1
        for output, result in zip(node.output, branch.output, strict=True):
            self.define(output, self.value(result.name, inner, where), scope, where)
        return True

    def constants(
        self,
        node: onnx.NodeProto,
        name: str,
        where: str,
        operands: Sequence[str | None],
        values: Sequence[np.ndarray | None],
        types: Sequence[TensorType | None],
        attributes: dict[str, Any],
    ) -> list[str] | None:
        """Consts for the outputs, when they depend on shapes and constants only."""
        if node.op_type == "Constant" and not operands:
            array = constant_value(node, where, self.weights)
            if node.attribute[0].name == "value":
                self.constant_tensors[node.output[0]] = node.attribute[0].t
            return [self.constant(array, parameter=_learned(array), source=name)]
        if node.op_type in ("Shape", "Size") and len(types) == 1 and types[0] is not None and types[0].is_static:
            dims = np.array(types[0].static_shape, np.int64)
            cut = slice(attributes.get("start", 0), attributes.get("end"))
            shape = dims[cut] if node.op_type == "Shape" else np.array(dims.prod(), np.int64)
            return [self.constant(shape, parameter=False, source=name)]
        if node.op_type == "CastLike" and len(values) == 2 and values[0] is not None and types[1] is not None:
            # Only the element type of the second operand matters, and that is known.
            array = values[0].astype(NUMPY_ELEMENTS[types[1].element], copy=False)
            learned = operands[0] is not None and _is_parameter(self.graph, operands[0])
            return [self.constant(array, parameter=learned and _learned(array), source=name)]
        if any(v is None and o is not None for v, o in zip(values, operands, strict=True)):
            return None
        learned = any(o is not None and _is_parameter(self.graph, o) for o in operands)
        if learned and node.op_type in KEEP_UNFOLDED:
            return None
        if node.op_type not in RULES and not self.small(node, where, types, values):
            return None
        arrays = fold.evaluate(node, where, values, attributes, self.opsets)
        if arrays is None:
            return None
        if learned and node.op_type not in REARRANGING and not all(map(_is_sound, arrays)):
            raise ModelError(f"{where} must compute finite numbers from its constant inputs, not NaN or infinity")
        grids = self.grids(node, where, operands, values, attributes, arrays)
        return [
            self.graph.add_const(a, parameter=learned and _learned(a), sources=(name,), grid=g)
            for a, g in zip(arrays, grids, strict=True)
        ]

    def grids(
        self,
        node: onnx.NodeProto,
        where: str,
        operands: Sequence[str | None],
        values: Sequence[np.ndarray | None],
        attributes: dict[str, Any],
        arrays: Sequence[np.ndarray],
    ) -> list[Grid | None]:
        """The grids of folded outputs: steps are moved as the numbers of quantized constants are."""
        known = [None if o is None else self.graph.grid(o) for o in operands]
        kinds = ["" if v is None else v.dtype.kind for v in values]
        if node.op_type not in REARRANGING or any(k == "f" and g is None for k, g in zip(kinds, known, strict=True)):
            return [None] * len(arrays)
        bits = max((g.bits for g in known if g is not None), default=0)
        if not bits:
            return [None] * len(arrays)
        steps = [
            v if g is None or v is None else np.broadcast_to(g.steps, v.shape)
            for v, g in zip(values, known, strict=True)
        ]
        moved = fold.evaluate(node, where, steps, attributes, self.opsets)
        assert moved is not None
        return [Grid(compressed(np.asarray(m)), bits) for m in moved]

    def small(
        self,
        node: onnx.NodeProto,
        where: str,
        types: Sequence[TensorType | None],
        values: Sequence[np.ndarray | None],
    ) -> bool:
        """Whether the results are of bounded size, so that evaluating is safe."""
        results = self.inference.outputs(node, where, types, values)
        limit = ELEMENT_LIMIT
        return all(r is None or not r.is_static or r.size <= limit for r in results)

    def simplified(
        self,
        node: onnx.NodeProto,
        operands: Sequence[str | None],
        values: Sequence[np.ndarray | None],
        results: Sequence[TensorType | None],
        attributes: dict[str, Any],
    ) -> list[str] | None:
        """The value that the node's first output equals, when arithmetic says so."""
        result = results[0] if results else None
        if result is None:
            return None
        first = operands[0] if operands else None
        if node.op_type in PASS_THROUGH and first is not None and not any(node.output[1:]):
            return [first]
        casts = node.op_type in ("Cast", "CastLike")
        if casts and first is not None and self.graph[first].type.element == result.element:
            return [first]
        same = identities.equal_operand(node.op_type, operands, values, result, self.graph)
        if same is not None:
            return [same]
        if identities.is_zero(node.op_type, values) and result.is_static and result.size <= ELEMENT_LIMIT:
            zeros = np.broadcast_to(np.float32(0), result.static_shape)
            return [self.constant(zeros, parameter=False, source=node.name)]
        return None

    def foreign(
        self,
        node: onnx.NodeProto,
        name: str,
        operands: Sequence[str | None],
        results: Sequence[TensorType | None],
        attributes: dict[str, Any],
    ) -> list[str]:
        """Foreign nodes for the outputs; a left-out one is an empty string."""
        known = {**attributes, **{p.key: p.value for p in node.metadata_props if p.key == TOKEN_MIX_KEY}}
        attrs = tuple(sorted((k, plain(v)) for k, v in known.items() if not isinstance(v, np.ndarray)))
        domain = "" if node.domain == "ai.onnx" else node.domain
        present = tuple(i for i, o in enumerate(operands) if o is not None)
        inputs = [o for o in operands if o is not None]
        made: list[str] = []
        for at, result in enumerate(results):
            if result is None:
                made.append("")
                continue
            op = Foreign(node.op_type, domain, attrs, at, present, name)
            made.append(self.graph.add(op, inputs, type=result, sources=(name,)))
        return made


def _learned(array: np.ndarray) -> bool:
    return array.dtype == np.float32 and array.size > 1


def _is_parameter(graph: Graph, name: str) -> bool:
    op = graph[name].op
    return isinstance(op, Const) and op.parameter


def _is_sound(array: np.ndarray) -> bool:
    return array.dtype != np.float32 or is_finite_or_mask(array)
