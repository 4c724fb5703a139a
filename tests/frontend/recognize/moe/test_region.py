"""Where a layer of experts begins and ends."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from vitaccel.frontend.recognize.moe.region import RegionGrower, meeting_points, router_cone
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Input, LayerNorm, Linear, Mul
from vitaccel.ir.types import TensorType

TYPE = TensorType((2, 3))


def positions(graph: Graph) -> dict[str, int]:
    return {name: at for at, name in enumerate(graph.topological())}


def random_dag(seed: int) -> Graph:
    """Sums of random earlier values; the last one is the output."""
    rng = np.random.default_rng(seed)
    graph = Graph("dag")
    names = [graph.add(Input(), type=TYPE, name="x")]
    for _ in range(30):
        a, b = rng.integers(max(0, len(names) - 6), len(names), 2)
        names.append(graph.add(Add(), [names[a], names[b]]))
    graph.outputs = [names[-1]]
    return graph


@pytest.mark.parametrize("offset", range(20))
def test_meeting_points_are_the_post_dominators(offset: int, seed: int) -> None:
    graph = random_dag(seed + offset)
    position = positions(graph)
    live = graph.digraph.subgraph(position).reverse()
    above = nx.immediate_dominators(live, graph.outputs[0])
    for source in position:
        expected, at = [source], source
        while at != graph.outputs[0]:
            at = above[at]
            expected.append(at)
        assert list(meeting_points(graph, [source], position)) == expected


def layer() -> tuple[Graph, dict[str, str]]:
    """``x + act(n w1) (n w2) logits`` with ``n = LayerNorm(x)``."""
    graph = Graph("layer")
    weights = [graph.add_const(np.ones((3, 3), np.float32)) for _ in range(2)]
    row = graph.add_const(np.ones(3, np.float32))
    n = {"x": graph.add(Input(), type=TYPE, name="x")}
    n["norm"] = graph.add(LayerNorm(), [n["x"], row, row])
    n["logits"] = graph.add(Linear(), [n["norm"], weights[0]])
    n["expert"] = graph.add(Linear(), [n["norm"], weights[1]])
    n["act"] = graph.add(Activation(), [n["expert"]])
    n["mixed"] = graph.add(Mul(), [n["act"], n["logits"]])
    n["sum"] = graph.add(Add(), [n["x"], n["mixed"]])
    graph.outputs = [n["sum"]]
    return graph, n


def test_the_cone_ends_at_the_normalisation() -> None:
    graph, n = layer()
    assert {n["logits"], n["norm"]} <= router_cone(graph, n["logits"])
    assert n["x"] not in router_cone(graph, n["logits"])


def test_a_region_is_entered_by_the_tokens_alone() -> None:
    graph, n = layer()
    region = RegionGrower(graph, n["logits"], positions(graph)).grow(n["mixed"])
    assert region is not None
    assert (region.tokens, region.nodes) == (n["norm"], (n["expert"], n["act"], n["mixed"]))
    assert len(region.constants) == 1


def test_the_residual_is_one_entry_too_many() -> None:
    graph, n = layer()
    grower = RegionGrower(graph, n["logits"], positions(graph))
    assert grower.grow(n["mixed"]) is not None
    assert not grower.overgrown
    assert grower.grow(n["sum"]) is None
    assert grower.overgrown
