"""Typed operations on tensors whose number of rows depends on the data: the tokens of one expert after a NonZero."""

from __future__ import annotations

from vitaccel.frontend.operators import elementwise, matrix
from vitaccel.frontend.operators.site import Derived, RefusedError, Rule, Site
from vitaccel.frontend.recognize.activation import recognize_activation
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Linear


def _matmul(site: Site) -> str | None:
    """A product by a constant matrix."""
    weight = site.const(1)
    return site.emit(Linear(), site.x(0), site.x(1)) if weight is not None and weight.ndim == 2 else None


RULES: dict[str, Rule] = {**elementwise.RULES, "Gemm": matrix.gemm, "MatMul": _matmul}
"""Operators that treat every row alike, so the number of rows does not matter."""


def translate_dynamic_rows(graph: Graph) -> None:
    """Translate row-wise float operators whose number of rows is unknown, then the activations made of them."""
    if all(node.type.is_static for node in graph.nodes.values()):
        return
    derived = Derived()
    for name in graph.topological():
        op = graph[name].op
        if not isinstance(op, Foreign) or op.op_type not in RULES or graph[name].type.is_static:
            continue
        if any(t.element != "f32" for t in (graph[name].type, *graph.operand_types(name))):
            continue
        try:
            made = RULES[op.op_type](Site(graph, name, op, derived))
        except (RefusedError, ValueError):
            continue
        if made is not None:
            graph.replace_uses(name, made)
    recognize_activation(graph)
