"""Putting a proven ``moe`` node into the Graph."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.recognize.moe.experts import Stack
from vitaccel.frontend.recognize.moe.proof import Proven
from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.frontend.recognize.moe.router import Router
from vitaccel.frontend.recognize.scale import WHOLE_VIEWS, scale_along
from vitaccel.frontend.recognize.scores import CHAIN_LIMIT
from vitaccel.ir.graph import Graph
from vitaccel.ir.grid import Grid, compressed
from vitaccel.ir.ops import Activation, Add, Const, Linear, MatMul, Reshape


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
    found = scale_along(graph, region.end)
    if found is not None:
        found.give(graph, moe)
    graph.update(moe, inner_scale=expert_scales(graph, region))
    replace_value(graph, region.end, moe)


def expert_scales(graph: Graph, region: Region) -> tuple[float, ...]:
    """Scales before and behind the activation of the experts and of their results; empty unless all three are there.

    One scale serves all experts: the one of the largest range.
    """
    activations = [name for name in region.nodes if isinstance(graph[name].op, Activation)]
    before = [graph[_through(graph, graph[name].inputs[0])].scale for name in activations]
    behind = [graph[name].scale for name in activations]
    results = [graph[_result(graph, name)].scale for name in activations]
    groups = (before, behind, results)
    if not activations or not all(scale for group in groups for scale in group):
        return ()
    return tuple(max(max(scale) for scale in group) for group in groups)


def _through(graph: Graph, name: str) -> str:
    while isinstance(graph[name].op, WHOLE_VIEWS):
        name = graph[name].inputs[0]
    return name


def _result(graph: Graph, activation: str) -> str:
    """The last of the matrix product behind an activation and the sum that adds its bias."""
    name = activation
    for _ in range(CHAIN_LIMIT):
        users = graph.users(name)
        if len(users) != 1 or not isinstance(graph[users[0]].op, (*WHOLE_VIEWS, Linear, MatMul, Add)):
            return name
        constant = isinstance(graph[users[0]].op, Add) and any(map(graph.is_const, graph[users[0]].inputs))
        if isinstance(graph[users[0]].op, Add) and not constant:
            return name
        name = users[0]
        if graph[name].scale:
            return name
    return name


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
    array = stack.build(graph.array)
    return graph.add_const(array, parameter=learned, sources=sources, grid=_grid(graph, stack, array.shape))


def _grid(graph: Graph, stack: Stack, shape: tuple[int, ...]) -> Grid | None:
    """The grid of a stack all of whose parts have one."""
    grids = {part: grid for part in stack.parts if (grid := graph.grid(part)) is not None}
    if not grids or len(grids) < len(set(stack.parts)):
        return None
    steps = stack.build(lambda part: np.broadcast_to(grids[part].steps, graph[part].type.static_shape))
    return Grid(compressed(np.broadcast_to(steps, shape)), max(grid.bits for grid in grids.values()))


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
            made = graph.add(node.op, [base.inputs[0], *node.inputs[1:]], sources=node.sources | base.sources)
            graph.update(made, scale=node.scale, fmt=node.fmt)
            return made
    return graph.add(Reshape(shape=shape), [logits], sources=node.sources)
