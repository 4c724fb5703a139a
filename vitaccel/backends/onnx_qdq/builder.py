"""An ONNX graph under construction: nodes, initializers, names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Attribute = int | float | str | Sequence[int]


class Builder:
    """Nodes and initializers; what makes a value returns its name.

    Attributes
    ----------
    nodes, initializers
        In the order they were made, which is topological.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._taken: set[str] = set()
        self._constants: dict[tuple[object, ...], str] = {}

    def fresh(self, stem: str) -> str:
        """A name not in use."""
        name, count = stem, 0
        while name in self._taken:
            count += 1
            name = f"{stem}.{count}"
        self._taken.add(name)
        return name

    def op(self, kind: str, *inputs: str, stem: str, metadata: dict[str, str] | None = None, **attrs: Attribute) -> str:
        """Append a node of one output, named after ``stem``."""
        return self.ops(kind, *inputs, stem=stem, outputs=1, metadata=metadata, **attrs)[0]

    def ops(
        self,
        kind: str,
        *inputs: str,
        stem: str,
        outputs: int,
        metadata: dict[str, str] | None = None,
        **attrs: Attribute,
    ) -> list[str]:
        """Append a node of several outputs."""
        name = self.fresh(f"{stem}/{kind}")
        made = [name] if outputs == 1 else [f"{name}:{at}" for at in range(outputs)]
        node = helper.make_node(kind, inputs, made, name=name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attrs.items())
        for key, value in (metadata or {}).items():
            node.metadata_props.add(key=key, value=value)
        self.nodes.append(node)
        return made

    def array(self, values: np.ndarray, *, stem: str) -> str:
        """Append an initializer of the array's own type."""
        name = self.fresh(stem)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name))
        return name

    def integers(self, values: np.ndarray, onnx_type: int, *, stem: str) -> str:
        """Append an initializer of an integer type; four bits are packed two to a byte, the first in the low half."""
        if onnx_type != TensorProto.INT4:
            return self.array(values.astype(helper.tensor_dtype_to_np_dtype(onnx_type)), stem=stem)
        name = self.fresh(stem)
        flat = values.astype(np.int8).reshape(-1).view(np.uint8) & 15
        padded = np.concatenate([flat, np.zeros(flat.size % 2, np.uint8)])
        raw = (padded[0::2] | padded[1::2] << 4).tobytes()
        self.initializers.append(helper.make_tensor(name, TensorProto.INT4, values.shape, raw, raw=True))
        return name

    def ints(self, *values: int) -> str:
        """A vector of int64, one for equal ones."""
        key = ("i64", values)
        if key not in self._constants:
            self._constants[key] = self.array(np.array(values, np.int64), stem=f"ints.{'x'.join(map(str, values))}")
        return self._constants[key]

    def number(self, value: float) -> str:
        """A float32 scalar, one for equal ones."""
        key = ("f32", value)
        if key not in self._constants:
            self._constants[key] = self.array(np.array(value, np.float32), stem="number")
        return self._constants[key]

    def zero(self, onnx_type: int, count: int = 1) -> str:
        """Zero points of an integer type, 0 or for uint8 128: a scalar, or as many as there are channels."""
        key = ("zero", onnx_type, count)
        if key not in self._constants:
            shape = () if count == 1 else (count,)
            name = f"zero.{TensorProto.DataType.Name(onnx_type).lower()}"
            middle = 128 if onnx_type == TensorProto.UINT8 else 0
            self._constants[key] = self.integers(np.full(shape, middle), onnx_type, stem=name)
        return self._constants[key]
