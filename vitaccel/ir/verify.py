"""What makes a Graph legal; checked before and after every pass."""

from __future__ import annotations

import networkx as nx

from vitaccel.errors import VerifyError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Foreign, Input


def verify_graph(graph: Graph, *, after: str) -> None:
    """Check a recognised Graph.

    Parameters
    ----------
    graph
        The Graph; no :class:`~vitaccel.ir.ops.Foreign` op may be left.
    after
        Name of the pass that ran last, for the message.

    Raises
    ------
    VerifyError
        If an operand is missing, the graph has a cycle, an op rejects its operand types, a recorded type differs from
        the inferred one, or an output is missing.
    """
    if not nx.is_directed_acyclic_graph(graph.digraph):
        raise VerifyError(f"after {after}: the graph must be acyclic")
    for output in graph.outputs:
        if output not in graph:
            raise VerifyError(f"after {after}: output {output!r} must be a node")
    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, Foreign):
            raise VerifyError(f"after {after}: {name} is still the ONNX operator {node.op.op_type}")
        if isinstance(node.op, Const | Input):
            continue
        if set(graph.digraph.predecessors(name)) != set(node.inputs):
            raise VerifyError(f"after {after}: the edges into {name} must be its operands")
        try:
            inferred = node.op.infer(*graph.operand_types(name))
        except ValueError as error:
            raise VerifyError(f"after {after}: {name} = {node.op.name}: {error}") from error
        if inferred != node.type:
            raise VerifyError(f"after {after}: {name} = {node.op.name} must have type {inferred}, not {node.type}")
