"""Mixtures of experts that compute something else than the one that is supported, named for what they are."""

from __future__ import annotations

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.frontend.recognize.moe.router import SUPPORTED, Router, title
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Linear, Moe, Reshape, Softmax, Transpose

_COMPARISONS = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual")


def refuse_soft_moe(graph: Graph) -> None:
    """Refuse Soft-MoE: two softmaxes of one linear layer's result, one over the slots, one over the tokens.

    Raises
    ------
    UnsupportedError
        If there is one. (LookupViT too has two softmaxes of one value, but that is a product of two activations.)
    """
    seen: dict[str, set[bool]] = {}
    for node in graph.nodes.values():
        over_last = isinstance(node.op, Softmax)
        if not over_last and not (isinstance(node.op, Foreign) and node.op.op_type == "Softmax"):
            continue
        base, turned = node.inputs[0], False
        while isinstance(graph[base].op, Transpose | Reshape):
            op = graph[base].op
            turned ^= isinstance(op, Transpose) and op.perm[-1] != len(op.perm) - 1
            base = graph[base].inputs[0]
        if isinstance(graph[base].op, Linear):
            seen.setdefault(base, set()).add(over_last and not turned)
            if len(seen[base]) == 2:
                raise UnsupportedError(
                    f"{title(graph, base)} must give each token its top k experts, not mix all tokens into slots as"
                    f" Soft-MoE does; {SUPPORTED}"
                )


def refuse_baked_capacity(graph: Graph, router: Router, region: Region, op: Moe) -> None:
    """Refuse a capacity whose threshold follows the batch while the slots were fixed when the model was traced.

    Raises
    ------
    UnsupportedError
        If a comparison admits more assignments than there are slots: those beyond vanish without being meant to.
    """
    if not op.capacity:
        return
    for name in region.nodes:
        node = graph[name]
        if not isinstance(node.op, Foreign) or node.op.op_type not in _COMPARISONS:
            continue
        for operand in node.inputs:
            if not graph.is_const(operand) or graph[operand].type.size != 1:
                continue
            limit = int(graph.array(operand).reshape(-1)[0])
            if limit > op.capacity:
                raise UnsupportedError(
                    f"{title(graph, name)} admits {limit} tokens to an expert and the experts of {router.title} must"
                    f" have as many slots, not {op.capacity}: export with the batch size you run"
                )
