"""The Graph: single-output nodes in SSA form over a networkx DiGraph.

A node is its value: node ``n`` computes ``graph[n].op`` of the values named by ``graph[n].inputs``. Edges of
:attr:`Graph.digraph` run from operand to user, so topological order, dominators and critical paths are networkx calls.
Names are arbitrary while a frontend builds; :meth:`Graph.canonical` renumbers them by a depth-first walk from the
outputs, so two exports of one model print alike whatever order their files had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np

from vitaccel.ir.grid import Grid
from vitaccel.ir.ops import Const, Input, Op
from vitaccel.ir.printer import print_graph
from vitaccel.ir.types import TensorType


@dataclass(frozen=True)
class Node:
    """One operation and the value it defines.

    Parameters
    ----------
    op
        What is computed (see :mod:`vitaccel.ir.ops`).
    inputs
        Names of the operand values, in operand order; a name may repeat.
    type
        Type of the value.
    sources
        ONNX node names (or initializer names) this node stands for: the coverage report is their union.
    label
        Where the node sits in the network, e.g. ``block3.attn.q``; assigned by the ``label`` pass, "" before.
    kernel
        The node that roots the kernel this node is fused into; assigned by the ``fuse`` pass, "" before.
    fmt
        Number format (``int8``, ``int16``, ``q5.6``, ...); assigned by the ``precision`` pass, "" before.
    scale
        What one integer step of the value is worth: nothing before quantization, one number for the whole value, or
        one for each channel (the last axis; of a convolution's image or weight, its channels or outputs; of experts'
        weights and biases, expert after expert, their columns). The array of a quantized constant stays in float and
        lies on the grid: ``array / scale`` are its integers.
    narrow_scale
        What one step of the int8 copy is worth, where matmuls read a value of 16 bits beside other readers; else 0.
    inner_scale
        What one step of the values inside the node is worth: of experts, before and after their activation (int8) and
        of an expert's result (int16); of ``head_mean_T`` attention, the mean probabilities (int8); of an activation
        that is a kernel of its own, its int8 argument.
    """

    op: Op
    inputs: tuple[str, ...]
    type: TensorType
    sources: frozenset[str] = frozenset()
    label: str = ""
    kernel: str = ""
    fmt: str = ""
    scale: tuple[float, ...] = ()
    narrow_scale: float = 0.0
    inner_scale: tuple[float, ...] = ()


class Graph:
    """A network as typed tensor operations.

    Parameters
    ----------
    name
        Name of the model.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.outputs: list[str] = []
        self.folded_parameters = 0
        self.digraph: nx.DiGraph[str] = nx.DiGraph()
        self._nodes: dict[str, Node] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._grids: dict[str, Grid] = {}
        self._serial = 0

    # -- reading ---------------------------------------------------------------------------------------------------
    def __getitem__(self, name: str) -> Node:
        return self._nodes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def users(self, name: str) -> list[str]:
        """Nodes that read the value, each once, in insertion order."""
        return list(self.digraph.successors(name))

    def array(self, name: str) -> np.ndarray:
        """The payload of a :class:`~vitaccel.ir.ops.Const` node (read-only)."""
        return self._arrays[name]

    def grid(self, name: str) -> Grid | None:
        """Where the numbers of a constant lie, while a frontend moves it about; :meth:`canonical` forgets it."""
        return self._grids.get(name)

    def is_const(self, name: str) -> bool:
        """Whether the value is a constant."""
        return isinstance(self._nodes[name].op, Const)

    @property
    def inputs(self) -> list[str]:
        """Names of the input nodes, in insertion order."""
        return [n for n, node in self._nodes.items() if isinstance(node.op, Input)]

    def topological(self) -> list[str]:
        """Names in canonical order: depth-first from the outputs, operands before users, in operand order."""
        order: list[str] = []
        done: set[str] = set()
        for root in self.outputs:
            stack: list[tuple[str, int]] = [(root, 0)] if root not in done else []
            while stack:
                name, at = stack.pop()
                if name in done:
                    continue
                operands = self._nodes[name].inputs
                if at < len(operands):
                    stack.append((name, at + 1))
                    if operands[at] not in done:
                        stack.append((operands[at], 0))
                    continue
                done.add(name)
                order.append(name)
        return order

    def operand_types(self, name: str) -> tuple[TensorType, ...]:
        """Types of a node's operands."""
        return tuple(self._nodes[i].type for i in self._nodes[name].inputs)

    def macs(self, name: str) -> int:
        """Multiply-accumulates of one node, by the convention of ``torch.utils.flop_counter`` (0 for non-matmuls)."""
        node = self._nodes[name]
        return node.op.macs(self.operand_types(name), node.type)

    @property
    def total_macs(self) -> int:
        """MACs of all nodes; routed experts count as routed."""
        return sum(self.macs(n) for n in self.topological())

    @property
    def total_macs_dense(self) -> int:
        """MACs if every expert ran on every token; equals :attr:`total_macs` without experts."""
        total = 0
        for name in self.topological():
            node = self._nodes[name]
            total += node.op.macs_dense(self.operand_types(name), node.type)
        return total

    @property
    def parameters(self) -> int:
        """Learned elements: sizes of all parameters, each counted once, and those folded away (batch normalisation)."""
        nodes = (self._nodes[name] for name in self.topological())
        return self.folded_parameters + sum(node.type.size for node in nodes if is_parameter(node))

    # -- building --------------------------------------------------------------------------------------------------
    def fresh(self, stem: str = "v") -> str:
        """A name not in use."""
        while True:
            self._serial += 1
            name = f"{stem}{self._serial}"
            if name not in self._nodes:
                return name

    def add(
        self,
        op: Op,
        inputs: Iterable[str] = (),
        *,
        type: TensorType | None = None,
        name: str | None = None,
        sources: Iterable[str] = (),
        label: str = "",
    ) -> str:
        """Append a node and return its name; the type is inferred by the op unless given.

        Raises
        ------
        ValueError
            If an operand does not exist, the name is taken, or the op rejects the operand types.
        """
        operands = tuple(inputs)
        for operand in operands:
            if operand not in self._nodes:
                raise ValueError(f"operand {operand!r} of {op.name} must exist")
        chosen = name if name is not None else self.fresh()
        if chosen in self._nodes:
            raise ValueError(f"node name {chosen!r} must be new")
        inferred = type if type is not None else op.infer(*(self._nodes[i].type for i in operands))
        self._nodes[chosen] = Node(op, operands, inferred, frozenset(sources), label)
        self.digraph.add_node(chosen)
        self.digraph.add_edges_from((operand, chosen) for operand in operands)
        return chosen

    def add_const(
        self,
        array: np.ndarray,
        *,
        parameter: bool = False,
        name: str | None = None,
        sources: Iterable[str] = (),
        grid: Grid | None = None,
    ) -> str:
        """Append a constant; floating arrays are kept as given (views are welcome: nothing is copied)."""
        element = "bool" if array.dtype == np.bool_ else "i64" if array.dtype.kind in "iu" else "f32"
        shape = tuple(int(d) for d in array.shape)
        chosen = self.add(Const(parameter=parameter), type=TensorType(shape, element), name=name, sources=sources)
        self._arrays[chosen] = array
        if grid is not None:
            self._grids[chosen] = grid
        return chosen

    def update(self, name: str, **fields: object) -> None:
        """Replace fields of a node in place; ``inputs`` also moves its edges."""
        node = replace(self._nodes[name], **fields)  # type: ignore[arg-type]
        if "inputs" in fields:
            self.digraph.remove_edges_from(list(self.digraph.in_edges(name)))
            self.digraph.add_edges_from((operand, name) for operand in node.inputs)
        self._nodes[name] = node

    def replace_uses(self, old: str, new: str, *, except_in: Iterable[str] = ()) -> None:
        """Make every user of ``old`` (and the outputs) read ``new`` instead, except the named nodes.

        A quantized value that is replaced whole by one without a scale hands its scale and format on.
        """
        spared = set(except_in)
        if not spared and self._nodes[old].scale and not self._nodes[new].scale:
            was = self._nodes[old]
            scales = {"scale": was.scale, "narrow_scale": was.narrow_scale, "inner_scale": was.inner_scale}
            self.update(new, fmt=was.fmt, **scales)
        for user in self.users(old):
            if user in spared:
                continue
            inputs = tuple(new if i == old else i for i in self._nodes[user].inputs)
            self.update(user, inputs=inputs)
        self.outputs = [new if o == old else o for o in self.outputs]

    def remove(self, name: str) -> None:
        """Delete a node that nothing reads.

        Raises
        ------
        ValueError
            If the value is still read or is an output.
        """
        if self.digraph.out_degree(name) or name in self.outputs:
            raise ValueError(f"node {name!r} must be unused to be removed")
        self.digraph.remove_node(name)
        del self._nodes[name]
        self._arrays.pop(name, None)
        self._grids.pop(name, None)

    def prune(self) -> None:
        """Delete everything the outputs do not need; inputs stay."""
        live = set(self.topological())
        for name in [n for n in self._nodes if n not in live and not isinstance(self._nodes[n].op, Input)]:
            self.digraph.remove_node(name)
            del self._nodes[name]
            self._arrays.pop(name, None)
            self._grids.pop(name, None)

    # -- whole-graph forms -----------------------------------------------------------------------------------------
    def canonical(self) -> Graph:
        """A copy with names ``%0, %1, ...`` in canonical order (constants ``%c0, ...``, inputs keep their names)."""
        fresh = Graph(self.name)
        fresh.folded_parameters = self.folded_parameters
        new_name: dict[str, str] = {}
        counts = {"%": 0, "%c": 0}
        taken = set(self.inputs)
        unused_inputs = [n for n in self.inputs if n not in set(self.topological())]
        for name in [*unused_inputs, *self.topological()]:
            node = self._nodes[name]
            if isinstance(node.op, Input):
                new_name[name] = name
            else:
                stem = "%c" if isinstance(node.op, Const) else "%"
                while (numbered := f"{stem}{counts[stem]}") in taken:
                    counts[stem] += 1
                new_name[name] = numbered
                counts[stem] += 1
            chosen = new_name[name]
            operands = tuple(new_name[i] for i in node.inputs)
            fresh._nodes[chosen] = replace(node, inputs=operands)
            fresh.digraph.add_node(chosen)
            fresh.digraph.add_edges_from((operand, chosen) for operand in operands)
            if name in self._arrays:
                fresh._arrays[chosen] = self._arrays[name]
        for name, node in fresh._nodes.items():
            fresh._nodes[name] = replace(node, kernel=new_name.get(node.kernel, node.kernel))
        fresh.outputs = [new_name[o] for o in self.outputs]
        return fresh

    def find(self, want: Callable[[Node], bool]) -> list[str]:
        """Names of matching nodes in canonical order."""
        return [n for n in self.topological() if want(self._nodes[n])]

    def __str__(self) -> str:
        return print_graph(self)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """All nodes by name, in insertion order."""
        return self._nodes


def is_parameter(node: Node) -> bool:
    """Whether a node is a learned constant."""
    return isinstance(node.op, Const) and node.op.parameter
