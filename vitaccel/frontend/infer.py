"""Types of one ONNX node's outputs from the types and known values of its inputs, by onnx's own schemas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, TypeProto, checker, helper, shape_inference

from vitaccel.errors import ModelError, UnsupportedError, did_you_mean
from vitaccel.frontend.axes import check_axes
from vitaccel.frontend.weights import as_tensor, element_of
from vitaccel.ir.types import TensorType

DATA_LIMIT = 4096
"""Constants up to this many elements are shown to shape inference (shapes, axes, pads; not weights)."""

SENTENCE_LIMIT = 300
"""Most characters of an onnx message that are passed on."""

ONNX_ELEMENT = {"f32": TensorProto.FLOAT, "i64": TensorProto.INT64, "bool": TensorProto.BOOL}
ORT_DOMAIN = "com.microsoft"
CONTRIBUTED: dict[str, dict[str, int]] = {
    "BiasGelu": {},
    "FastGelu": {},
    "Gelu": {},
    "MoE": {
        "activation_alpha": AttributeProto.FLOAT,
        "activation_beta": AttributeProto.FLOAT,
        "activation_type": AttributeProto.STRING,
        "k": AttributeProto.INT,
        "normalize_routing_weights": AttributeProto.INT,
        "swiglu_fusion": AttributeProto.INT,
        "swiglu_limit": AttributeProto.FLOAT,
        "use_sparse_mixer": AttributeProto.INT,
    },
    "QuickGelu": {"alpha": AttributeProto.FLOAT},
}
"""``com.microsoft`` operators taken, with the types of their attributes; onnx has no schemas of them."""


class TypeInference:
    """Shape inference node by node.

    Parameters
    ----------
    model
        Its operator set versions choose the schemas.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._opsets = list(model.opset_import)
        self._versions = {_domain(o.domain): o.version for o in self._opsets}
        self._ir_version = model.ir_version
        self._schemas: dict[tuple[str, str], onnx.defs.OpSchema] = {}
        self._protos: dict[TensorType, TypeProto] = {}
        self._context = checker.C.CheckerContext()
        self._context.ir_version = model.ir_version
        self._context.opset_imports = {o.domain: o.version for o in self._opsets}

    def outputs(
        self, node: onnx.NodeProto, where: str, types: Sequence[TensorType | None], values: Sequence[np.ndarray | None]
    ) -> list[TensorType | None]:
        """Type of each output; ``None`` for an output left out.

        Raises
        ------
        UnsupportedError
            If the operator is unknown, or gives something that is not a tensor.
        ModelError
            If the node breaks its operator's rules, or its shapes do not fit.
        """
        if node.domain == ORT_DOMAIN:
            return self._contributed(node, where, types)
        check_axes(node, where, types)
        schema = self.schema(node, where)
        known = {n: self._proto(t) for n, t in zip(node.input, types, strict=True) if n and t is not None}
        data = {
            n: as_tensor(v)
            for n, v in zip(node.input, values, strict=True)
            if v is not None and (v.size <= DATA_LIMIT if v.dtype == np.int64 else v.size <= 8)
        }
        try:
            found = shape_inference.infer_node_outputs(
                schema, node, known, data, opset_imports=self._opsets, ir_version=self._ir_version
            )
        except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError) as error:
            raise ModelError(f"{where} must be valid ONNX, but {_sentence(error)}") from error
        _add_rank(node, types, found)
        return [self._tensor(found.get(name), where) if name else None for name in node.output]

    def check(self, node: onnx.NodeProto, where: str) -> None:
        """Check that the operator exists and that the node has the inputs, outputs and attributes it defines.

        Raises
        ------
        UnsupportedError
            If the operator is unknown.
        ModelError
            If the node breaks the operator's rules.
        """
        if node.domain == ORT_DOMAIN:
            _check_contributed(node, where)
            return
        self.schema(node, where)
        try:
            checker.check_node(node, self._context)
        except (checker.ValidationError, RuntimeError, ValueError) as error:
            raise ModelError(f"{where} must be valid ONNX, but {_sentence(error)}") from error

    def schema(self, node: onnx.NodeProto, where: str) -> onnx.defs.OpSchema:
        """The operator's schema at the model's version.

        Raises
        ------
        UnsupportedError
            If there is none.
        """
        domain = _domain(node.domain)
        key = (domain, node.op_type)
        if key in self._schemas:
            return self._schemas[key]
        if domain not in self._versions:
            raise UnsupportedError(
                f"{where} must come from an operator set the model imports, not from domain {node.domain!r}"
            )
        try:
            self._schemas[key] = onnx.defs.get_schema(node.op_type, self._versions[domain], domain)
        except onnx.defs.SchemaError as error:
            if domain:
                raise UnsupportedError(
                    f"{where} must be a standard ONNX operator, not one of domain {domain!r}: "
                    "give the model as exported"
                ) from error
            names = sorted({s.name for s in onnx.defs.get_all_schemas() if s.domain == domain})
            raise UnsupportedError(
                f"{where} must be a standard ONNX operator of opset {self._versions[domain]}"
                f"{did_you_mean(node.op_type, names)}"
            ) from error
        return self._schemas[key]

    def _contributed(
        self, node: onnx.NodeProto, where: str, types: Sequence[TensorType | None]
    ) -> list[TensorType | None]:
        """All operators taken give a value of the type of their first input."""
        if not types or types[0] is None or len(node.output) != 1:
            raise ModelError(f"{where} must have a first input and one output")
        return [types[0]]

    def _proto(self, tensor: TensorType) -> TypeProto:
        if tensor not in self._protos:
            self._protos[tensor] = helper.make_tensor_type_proto(ONNX_ELEMENT[tensor.element], list(tensor.shape))
        return self._protos[tensor]

    def _tensor(self, proto: TypeProto | None, where: str) -> TensorType:
        if proto is None or not proto.HasField("tensor_type") or not proto.tensor_type.HasField("shape"):
            raise UnsupportedError(f"{where} must give a tensor whose rank is known")
        dims = tuple(d.dim_value if d.HasField("dim_value") else None for d in proto.tensor_type.shape.dim)
        if any(d is not None and d < 0 for d in dims):
            raise ModelError(f"{where} must give dimensions of at least 0, not {list(dims)}")
        return TensorType(dims, element_of(proto.tensor_type.elem_type, where=f"the output of {where}"))


def _add_rank(node: onnx.NodeProto, types: Sequence[TensorType | None], found: dict[str, TypeProto]) -> None:
    """Give a Reshape to a computed shape the rank it has by the length of that shape; opset 13 does not infer it."""
    proto = found.get(node.output[0])
    shape = types[1] if len(types) > 1 else None
    if node.op_type != "Reshape" or proto is None or shape is None or proto.tensor_type.HasField("shape"):
        return
    if shape.rank == 1 and shape.shape[0] is not None:
        found[node.output[0]] = helper.make_tensor_type_proto(proto.tensor_type.elem_type, [None] * shape.shape[0])


def _check_contributed(node: onnx.NodeProto, where: str) -> None:
    if node.op_type not in CONTRIBUTED:
        raise UnsupportedError(
            f"{where} must be one of {', '.join(CONTRIBUTED)} in domain {ORT_DOMAIN}: give the model as "
            "exported, before onnxruntime fuses it"
        )
    known = CONTRIBUTED[node.op_type]
    for attribute in node.attribute:
        if known.get(attribute.name) != attribute.type:
            raise ModelError(f"{where} must have attributes of {ORT_DOMAIN}.{node.op_type}, not {attribute.name!r}")


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _sentence(error: Exception) -> str:
    """The first informative line of an onnx error."""
    text = str(error).replace("[ShapeInferenceError] ", "").replace("[TypeInferenceError] ", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].rstrip(".")[:SENTENCE_LIMIT] if lines else type(error).__name__
