"""QuantizeLinear and DequantizeLinear while the nodes of a file are visited: they vanish, their scales stay."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.attributes import attributes_of
from vitaccel.frontend.qdq.affine import WIDTHS, Affine, Symmetric, symmetric
from vitaccel.frontend.qdq.marks import put_scale
from vitaccel.frontend.qdq.nonnegative import is_nonnegative
from vitaccel.frontend.qdq.parameters import affine, checked_type, clip_bounds
from vitaccel.ir.graph import is_parameter
from vitaccel.ir.grid import Grid
from vitaccel.ir.ops import Foreign
from vitaccel.ir.scales import channel_axis
from vitaccel.ir.types import TensorType

if TYPE_CHECKING:
    from vitaccel.frontend.walk import Scope, Walk

OPERATORS = ("QuantizeLinear", "DequantizeLinear")
DOMAINS = ("", "ai.onnx", "com.microsoft")


@dataclass(frozen=True)
class Pending:
    """The integers of a QuantizeLinear, not yet dequantized: the Graph value they stand for, and how."""

    value: str
    affine: Affine
    title: str


@dataclass
class Quantization:
    """What is known of the quantized values of a file.

    Parameters
    ----------
    walk
        The visit that this is part of.
    """

    walk: Walk
    pending: dict[str, Pending] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)
    widened: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    _constants: dict[tuple[str, ...], str] = field(default_factory=dict)

    def takes(self, node: onnx.NodeProto, where: str) -> bool:
        """Whether a node is part of a quantization, and not of the network.

        Raises
        ------
        UnsupportedError
            If it is neither, but reads integers of a QuantizeLinear.
        """
        if node.op_type in OPERATORS and node.domain in DOMAINS:
            return True
        read = next((i for i in node.input if i in self.pending), None)
        if read is None:
            return False
        if node.op_type in ("Clip", "Identity") and node.input[0] == read and node.domain in DOMAINS:
            return True
        raise UnsupportedError(
            f"{where} must read floats, not the integers of {self.pending[read].title}: give "
            "the model in QDQ format, where a DequantizeLinear follows every QuantizeLinear"
        )

    def visit(self, node: onnx.NodeProto, name: str, where: str, scope: Scope) -> None:
        """Take a node that :meth:`takes` says yes to.

        Raises
        ------
        ModelError
            If its parameters are wrong.
        UnsupportedError
            If they have no mapping to the machine.
        """
        if len(node.input) < 1 or len(node.output) != 1:
            raise ModelError(f"{where} must have its inputs and one output")
        if node.op_type == "QuantizeLinear":
            pending = self._quantized(node, where, scope)
        elif node.op_type == "DequantizeLinear":
            self._dequantize(node, name, where, scope)
            return
        else:
            pending = self._narrowed(node, where, scope)
        self.pending[node.output[0]] = pending
        self.fates[name] = "step of the value it reads"
        self.walk.define(node.output[0], pending.value, scope, where)

    def refuse_output(self, name: str) -> None:
        """Refuse integers as an output of the model.

        Raises
        ------
        UnsupportedError
            If the value is not dequantized.
        """
        if name in self.pending:
            raise UnsupportedError(f"output {name!r} must be float, not the integers of {self.pending[name].title}")

    def notes(self) -> tuple[str, ...]:
        """What was changed on the way, each a sentence."""
        found: list[str] = []
        if self.widened:
            found.append(
                f"{len(self.widened)} asymmetric quantizations became symmetric ones that cover the same range, the "
                f"first at node {self.widened[0]!r}"
            )
        if self.conflicts:
            found.append(
                f"{len(self.conflicts)} values are quantized more than once and keep the widest quantization, the "
                f"first at {self.conflicts[0]}"
            )
        return tuple(found)

    # -- the three kinds of nodes ----------------------------------------------------------------------------------
    def _quantized(self, node: onnx.NodeProto, where: str, scope: Scope) -> Pending:
        value = self.walk.value(node.input[0], scope, where)
        type_ = self.walk.graph[value].type
        if type_.element != "f32":
            raise ModelError(f"{where} must quantize floats, not {type_}")
        attributes = attributes_of(node, where, self.walk.weights)
        zero = self._integers(node.input[2], scope, where) if _has(node, 2) else None
        onnx_type = zero[1] if zero is not None else int(attributes.get("output_dtype", 0)) or TensorProto.UINT8
        declared = int(attributes.get("output_dtype", 0))
        if zero is not None and declared not in (0, zero[1]):
            zero = (zero[0], declared)
        scale = self._scale(node, scope, where)
        return Pending(value, affine(where, type_, attributes, scale, zero, onnx_type), where)

    def _narrowed(self, node: onnx.NodeProto, where: str, scope: Scope) -> Pending:
        pending = self.pending[node.input[0]]
        if node.op_type == "Identity":
            return pending
        bounds: list[np.ndarray | None] = []
        for name in node.input[1:]:
            bound = self._integers(name, scope, where) if name else None
            if name and bound is None:
                raise UnsupportedError(f"{where} must have constant bounds")
            bounds.append(None if bound is None else bound[0])
        low, high = clip_bounds(where, [*bounds, None, None][:2])
        old = pending.affine
        low = old.low if low is None else max(old.low, low)
        high = old.high if high is None else min(old.high, high)
        if low >= high:
            raise ModelError(f"{where} must leave more than one integer of {old.low} to {old.high}")
        return replace(pending, affine=replace(old, low=low, high=high))

    def _dequantize(self, node: onnx.NodeProto, name: str, where: str, scope: Scope) -> None:
        attributes = attributes_of(node, where, self.walk.weights)
        source = node.input[0]
        pending = self.pending.get(source)
        key = (*node.input, str(attributes.get("axis", 1)))
        if pending is None and key in self._constants:
            value = self._constants[key]
        else:
            raw = None if pending is not None else self._integers(source, scope, where)
            if pending is None and raw is None:
                raise UnsupportedError(
                    f"{where} must read constant integers or those of a QuantizeLinear, not other integers"
                )
            onnx_type = pending.affine.onnx_type if pending is not None else checked_type(where, raw[1])  # type: ignore[index]
            type_ = self._type(pending, raw)
            zero = self._integers(node.input[2], scope, where) if _has(node, 2) else None
            found = affine(where, type_, attributes, self._scale(node, scope, where), zero, onnx_type)
            if pending is None:
                assert raw is not None
                value = self._constant(raw[0], found, name, source, parameter=raw[0].size > 1)
                self._constants[key] = value
            else:
                value = self._paired(pending, found, name, where)
        self.fates.setdefault(name, "step of the value it makes")
        self.walk.define(node.output[0], value, scope, where)

    def _type(self, pending: Pending | None, raw: tuple[np.ndarray, int] | None) -> TensorType:
        if pending is not None:
            return self.walk.graph[pending.value].type
        assert raw is not None
        return TensorType(tuple(int(d) for d in raw[0].shape))

    def _paired(self, pending: Pending, found: Affine, name: str, where: str) -> str:
        """The value behind a pair of nodes: the one before it, with a scale."""
        if not pending.affine.means_the_same(found):
            raise UnsupportedError(f"{where} must have the scale, zero point and axis of {pending.title}, not others")
        graph, value = self.walk.graph, pending.value
        if graph.is_const(value):
            array = graph.array(value)
            scale, zero = (pending.affine.spread(v, array.ndim) for v in (found.scale, found.zero))
            integers = np.rint(array / scale) + zero
            clipped = np.clip(integers, pending.affine.low, pending.affine.high).astype(np.int64)
            source = ", ".join(sorted(graph[value].sources))
            return self._constant(clipped, pending.affine, name, source, parameter=is_parameter(graph[value]))
        low, high = pending.affine.low - found.zero, pending.affine.high - found.zero
        if not low.any() and not is_nonnegative(graph, value):
            value = self._rectified(value, name)
        self._mark(value, symmetric(pending.affine, low, high), pending, name)
        return value

    def _rectified(self, value: str, name: str) -> str:
        """A value whose quantization cuts off what is negative: quantizers leave out a Relu before such a one."""
        graph = self.walk.graph
        op = Foreign("Relu", present=(0,), origin=name)
        return graph.add(op, [value], type=graph[value].type, sources=(name,))

    # -- values ----------------------------------------------------------------------------------------------------
    def _mark(self, value: str, result: Symmetric, pending: Pending, name: str) -> None:
        graph = self.walk.graph
        node = graph[value]
        if result.scale.size > 1 and pending.affine.axis != channel_axis(graph, value):
            raise UnsupportedError(
                f"{pending.title} must have one scale, or one for each channel (axis {channel_axis(graph, value)} of "
                f"{node.type}), not scales along axis {pending.affine.axis}"
            )
        scale, fmt = tuple(result.scale.tolist()), f"int{max(result.bits, 8)}"
        self._say(name, result, pending.affine)
        if put_scale(graph, value, scale, fmt):
            self.conflicts.append(pending.title)

    def _constant(self, integers: np.ndarray, found: Affine, name: str, source: str, *, parameter: bool) -> str:
        """A constant of dequantized integers, on the grid of its scale."""
        rank = integers.ndim
        scale, zero = found.spread(found.scale, rank), found.spread(found.zero, rank)
        values = integers if not found.zero.any() else integers.astype(np.int64) - zero
        array = values.astype(np.float32) * scale
        if integers.size == 1:  # arithmetic, as the 1/2 of a GELU is: no weight
            return self.walk.graph.add_const(array, parameter=parameter, sources=(source,))
        others = tuple(at for at in range(rank) if not found.per_channel or at != found.axis)
        empty = integers.size == 0
        low = np.zeros(1) if empty else np.minimum(values.min(axis=others), 0).reshape(-1)
        high = np.zeros(1) if empty else np.maximum(values.max(axis=others), 0).reshape(-1)
        narrow = found.low >= -8 and found.high <= 7
        result = symmetric(found, low.astype(np.float64), high.astype(np.float64))
        steps = found.spread(result.scale, rank)
        if not result.exact:
            array = np.rint(array / steps).astype(np.float32) * steps
            self._say(name, result, found)
        # The width of the type, not of the numbers that happen to be there.
        bits = 4 if narrow and result.exact else max(result.bits, WIDTHS.get(found.onnx_type, 8))
        grid = Grid(steps.astype(np.float32), bits)
        return self.walk.graph.add_const(array, parameter=parameter, sources=(source,), grid=grid)

    def _say(self, name: str, result: Symmetric, found: Affine) -> None:
        if result.exact:
            self.fates[name] = f"step {result.scale[0]:.6g}{' ...' if result.scale.size > 1 else ''}"
            return
        low, high = ((v - found.zero[0]) * found.scale[0] for v in (found.low, found.high))
        self.fates[name] = f"step {result.scale[0]:.6g}, symmetric in place of {low:.4g} to {high:.4g}"
        self.widened.append(name)

    # -- constants of the file -------------------------------------------------------------------------------------
    def _scale(self, node: onnx.NodeProto, scope: Scope, where: str) -> np.ndarray | None:
        """The second input as stored: an initializer is read here, so that NaN is told with the node's name."""
        if not _has(node, 1):
            raise ModelError(f"{where} must have a scale")
        tensor = self._tensor(node.input[1], scope)
        if tensor is not None and tensor.data_location != TensorProto.EXTERNAL and tensor.data_type in _FLOATS:
            return np.asarray(numpy_helper.to_array(tensor)).astype(np.float64)
        value = self.walk.value(node.input[1], scope, where)
        return self.walk.graph.array(value) if self.walk.graph.is_const(value) else None

    def _integers(self, name: str, scope: Scope, where: str) -> tuple[np.ndarray, int] | None:
        """Constant integers and their element type; what was computed from constants counts as int8 where it fits."""
        tensor = self._tensor(name, scope)
        if tensor is not None:
            return self.walk.weights.integers(tensor), tensor.data_type
        value = self.walk.value(name, scope, where)
        if not self.walk.graph.is_const(value) or name in self.pending:
            return None
        array = self.walk.graph.array(value)
        if array.dtype.kind not in "iu":
            raise ModelError(f"{where} must have integers in {name!r}, not {self.walk.graph[value].type}")
        fits = array.size == 0 or (array.min() >= -128 and array.max() <= 127)
        return array, TensorProto.INT8 if fits else TensorProto.INT32

    def _tensor(self, name: str, scope: Scope) -> onnx.TensorProto | None:
        """The initializer or the value of a Constant of that name."""
        home = scope.home(name)
        stored = home.stored.get(name) if home is not None else None
        return stored if stored is not None else self.walk.constant_tensors.get(name)


_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)


def _has(node: onnx.NodeProto, position: int) -> bool:
    return len(node.input) > position and bool(node.input[position])
