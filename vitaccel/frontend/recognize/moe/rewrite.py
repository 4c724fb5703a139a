"""Putting a proven ``moe`` node into the Graph."""

from __future__ import annotations

from vitaccel.frontend.recognize.moe.experts import Stack
from vitaccel.frontend.recognize.moe.proof import Proven
from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.frontend.recognize.moe.router import Router
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Linear, Reshape


def rewrite(graph: Graph, router: Router, region: Region, proven: Proven) -> None:
    """Replace the region's end by a ``moe`` node on ``[B, N, D]`` tokens; the region is left for pruning.

    Parameters
    ----------
    graph
        The Graph, changed in place.
    router, region, proven
        What was found, and what it was proven to be.
    """
    sources = frozenset().union(*(graph[name].sources for name in region.nodes))
    weights = [add_stack(graph, stack) for stack in proven.experts.stacks]
    logits = logits_like_tokens(graph, router.logits, region.tokens)
    moe = graph.add(proven.op, [region.tokens, logits, *weights], sources=sources)
    replace_value(graph, region.end, moe)


def replace_value(graph: Graph, old: str, new: str) -> None:
    """Let the users of ``old`` read ``new``, in the shape they know."""
    shape = graph[old].type.static_shape
    if graph[new].type.shape != shape:
        new = graph.add(Reshape(shape=shape), [new], sources=graph[new].sources)
    graph.replace_uses(old, new)


def add_stack(graph: Graph, stack: Stack) -> str:
    """Add an operand of the experts as a constant: learned if its parts are, zero and not learned if it has none."""
    parts = [graph[part] for part in stack.parts]
    learned = any(isinstance(part.op, Const) and part.op.parameter for part in parts)
    sources = frozenset().union(*(part.sources for part in parts)) if parts else frozenset()
    return graph.add_const(stack.build(graph.array), parameter=learned, sources=sources)


def logits_like_tokens(graph: Graph, logits: str, tokens: str) -> str:
    """The router logits with the leading dimensions of the tokens.

    A linear layer on reshaped tokens is moved before the reshape, so that the router reads what the experts read.
    """
    node, lead = graph[logits], graph[tokens].type.static_shape[:-1]
    shape = (*lead, node.type.static_shape[-1])
    if node.type.shape == shape:
        return logits
    if isinstance(node.op, Linear):
        base = graph[node.inputs[0]]
        if isinstance(base.op, Reshape) and graph[base.inputs[0]].type.shape[:-1] == lead:
            return graph.add(node.op, [base.inputs[0], *node.inputs[1:]], sources=node.sources | base.sources)
    return graph.add(Reshape(shape=shape), [logits], sources=node.sources)
