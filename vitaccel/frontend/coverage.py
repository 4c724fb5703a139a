"""What became of every node of an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vitaccel.frontend.normalize import Normalized
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Foreign, Input

SUPPORTED = (
    "convolutions, pooling, matrix products, attention, mixtures of experts, softmax, LayerNorm, "
    "the activations of vision transformers, and views"
)
"""What a vision transformer may be made of, for messages."""

ADVICE = {
    "NonZero": "be part of a mixture of experts that is recognised",
    "TopK": "be the routing of a mixture of experts that is recognised",
}
"""What a node left over must be, by operator; each completes *X node 'n' must ...*."""

FOLDED = "folded"
UNNEEDED = "not needed"


@dataclass(frozen=True)
class NodeFate:
    """One ONNX node and what it became.

    Parameters
    ----------
    name, op_type
        As in the file.
    fate
        Text of the Graph node (of the first, when there are several), ``step ...`` of a quantized value, ``folded``,
        ``not needed``, or ``unsupported: ...``.
    """

    name: str
    op_type: str
    fate: str

    @property
    def is_supported(self) -> bool:
        """Whether the node has a mapping."""
        return not self.fate.startswith("unsupported")


def coverage(normalized: Normalized, graph: Graph, refused: Mapping[str, str]) -> tuple[NodeFate, ...]:
    """Fate of every node of the file, in file order.

    Parameters
    ----------
    normalized
        The nodes, and which of them were folded.
    graph
        The Graph at the end; what is Foreign there is unsupported.
    refused
        Reasons by Foreign node, of :func:`vitaccel.frontend.translate.translate`.
    """
    fates: dict[str, list[str]] = {}
    for name, line in graph_lines(graph).items():
        op = graph[name].op
        text = f"unsupported: {reason(op, refused.get(name))}" if isinstance(op, Foreign) else line
        for source in sorted(graph[name].sources):
            fates.setdefault(source, []).append(text)
    found: list[NodeFate] = []
    for name, op_type in normalized.nodes:
        became = fates.get(name, [])
        worst = next((t for t in became if t.startswith("unsupported")), None)
        rest = f" (and {len(became) - 1} more)" if len(became) > 1 else ""
        unused = normalized.quantizers.get(name) or (FOLDED if name in normalized.folded else UNNEEDED)
        found.append(NodeFate(name, op_type, worst or (became[0] + rest if became else unused)))
    return tuple(found)


def reason(op: Foreign, refused: str | None) -> str:
    """Why a Foreign node is left, as one sentence without its full stop."""
    must = refused or ADVICE.get(op.op_type) or f"have a mapping; supported are {SUPPORTED}"
    domain = f"{op.domain}." if op.domain else ""
    return f"{domain}{op.op_type} node {op.origin!r} must {must}"


def graph_lines(graph: Graph) -> dict[str, str]:
    """The printed text of every operation of a canonical Graph, by node name."""
    lines = (line.strip() for line in str(graph).splitlines())
    text = {line.partition(" = ")[0]: line for line in lines if " = " in line}
    return {n: text[n] for n in graph.topological() if not isinstance(graph[n].op, Const | Input)}
