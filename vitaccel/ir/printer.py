"""Deterministic text of a Graph: one operation a line, the oracle of golden tests and of ``--print-after``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitaccel.ir.ops import Const, Foreign, Input

if TYPE_CHECKING:  # the Graph prints itself with this module
    from vitaccel.ir.graph import Graph, Node


def print_graph(graph: Graph) -> str:
    """The canonical text of a Graph: constants appear in place as their shape, never with their values.

    The text depends on structure only, so two exports of one model that mean the same print the same.
    """
    canonical = graph.canonical()
    lines = [f"graph {canonical.name}"]
    for name in [*canonical.inputs, *canonical.topological()]:
        node = canonical[name]
        if isinstance(node.op, Const):
            continue
        if isinstance(node.op, Input):
            if f"  input {name} : {node.type}" not in lines:
                lines.append(f"  input {name} : {node.type}")
            continue
        lines.append(f"  {name} = {_call(canonical, node)} : {node.type}{_notes(canonical, name, node)}")
    lines.append(f"  return {', '.join(_operand(canonical, o) for o in canonical.outputs)}")
    return "\n".join(lines) + "\n"


def _call(graph: Graph, node: Node) -> str:
    title = node.op.op_type if isinstance(node.op, Foreign) else node.op.name
    prefix = "onnx." if isinstance(node.op, Foreign) else ""
    attributes = {} if isinstance(node.op, Foreign) else node.op.attributes()
    operands = ", ".join(_operand(graph, i) for i in node.inputs)
    shown = "".join(f" {key}={_value(value)}" for key, value in attributes.items())
    return f"{prefix}{title}({operands}){shown}"


def _operand(graph: Graph, name: str) -> str:
    node = graph[name]
    return f"const {node.type}" if isinstance(node.op, Const) else name


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return "x".join(str(v) for v in value)
    return str(value)


def _notes(graph: Graph, name: str, node: Node) -> str:
    known = node.type.is_static and all(operand.is_static for operand in graph.operand_types(name))
    macs = graph.macs(name) if known else 0
    fused = f"in {node.kernel}" if node.kernel not in ("", name) else ""
    steps = f"step {node.scale[0]:.6g}{' ...' if len(node.scale) > 1 else ''}" if node.scale else ""
    notes = [note for note in (node.label, node.fmt, steps, fused, f"{macs} MACs" if macs else "") if note]
    return f"  # {', '.join(notes)}" if notes else ""
