"""One op as ONNX nodes: the table from op classes to emitters, filled by the modules beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch

from vitaccel.backends.onnx_qdq.builder import Attribute, Builder
from vitaccel.backends.onnx_qdq.pairs import constant, pair
from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.ops import Op
from vitaccel.ir.scales import narrow_positions


@dataclass
class Values:
    """ONNX values of Graph nodes as they are read, and values several nodes share."""

    wide: dict[str, str] = field(default_factory=dict)
    narrow: dict[str, str] = field(default_factory=dict)
    shared: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """A node that is being written.

    Parameters
    ----------
    graph, name
        The node.
    builder
        Where to.
    values
        What has been written.
    """

    graph: Graph
    name: str
    builder: Builder
    values: Values

    @property
    def node(self) -> Node:
        """The node."""
        return self.graph[self.name]

    @property
    def stem(self) -> str:
        """How its ONNX nodes are named."""
        return (self.node.label or self.name).replace("%", "node")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its value."""
        return self.node.type.static_shape

    def shape_of(self, position: int) -> tuple[int, ...]:
        """Shape of an operand."""
        return self.graph[self.node.inputs[position]].type.static_shape

    def x(self, position: int = 0) -> str:
        """The ONNX value of an operand; the int8 copy where the op reads that."""
        name = self.node.inputs[position]
        if name not in self.values.wide:
            self.values.wide[name] = constant(self.builder, self.graph, name)
        step = self._copied(name)
        if not step or position not in narrow_positions(self.graph, self.name):
            return self.values.wide[name]
        if name not in self.values.narrow:
            self.values.narrow[name] = self.rounded(self.values.wide[name], step, "int8", stem=f"{self.stem}.narrow")
        return self.values.narrow[name]

    def _copied(self, name: str) -> float:
        """What a step of the int8 copy of a value is worth, views looked through; 0 without one."""
        while not self.graph[name].scale and self.graph[name].inputs and self.graph[name].op.name in _VIEWS:
            name = self.graph[name].inputs[0]
        return self.graph[name].narrow_scale

    def operands(self) -> list[str]:
        """The ONNX values of all operands."""
        return [self.x(at) for at in range(len(self.node.inputs))]

    def op(self, kind: str, *inputs: str, metadata: dict[str, str] | None = None, **attrs: Attribute) -> str:
        """Append a node of one output."""
        return self.builder.op(kind, *inputs, stem=self.stem, metadata=metadata, **attrs)

    def reshape(self, value: str, *shape: int) -> str:
        """A value in another shape."""
        return self.op("Reshape", value, self.builder.ints(*shape))

    def transpose(self, value: str, *perm: int) -> str:
        """A value with its axes in another order."""
        return self.op("Transpose", value, perm=perm)

    def rounded(self, value: str, step: float, fmt: str, *, stem: str = "") -> str:
        """A value rounded to the integers of one step."""
        return pair(self.builder, value, (step,), fmt, axis=0, stem=stem or self.stem)


_VIEWS = ("broadcast", "from_tokens", "reshape", "slice", "to_tokens", "transpose")


@singledispatch
def emit(op: Op, _site: Site) -> str:
    """Write an op before its value is rounded, and return the ONNX value; registered op by op.

    Raises
    ------
    UnsupportedError
        If the op has no ONNX form: an operator that was not recognised.
    """
    raise UnsupportedError(f"op {op.name!r} must be recognised before the graph can be written as ONNX")
