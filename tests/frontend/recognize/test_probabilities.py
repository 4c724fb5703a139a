"""What a product with values does with probabilities, named."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.recognize.heads import Heads
from vitaccel.frontend.recognize.probabilities import Use, find_use
from vitaccel.frontend.recognize.scores import Scores
from vitaccel.frontend.recognize.view import View, Views, whole
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Input, Softmax
from vitaccel.ir.types import TensorType

B, H, M, N = 2, 3, 4, 5


@pytest.fixture
def graph() -> Graph:
    graph = Graph("g")
    graph.add(Input(), type=TensorType((B, H, M, N)), name="s")
    graph.add(Softmax(), ["s"], name="p")
    return graph


def seen(*, turned: bool = False, scale: float = 1.0, mask: np.ndarray | None = None) -> Scores:
    return Scores("product", turned, (B, H, N, M) if turned else (B, H, M, N), scale, mask, frozenset())


def use(graph: Graph, view: View, mine: Scores, *twins: Scores) -> Use | None:
    return find_use(graph, Views(graph), view, {"p": mine}, {"product": twins}, {"product": Heads(B, H)})


def test_as_they_are_and_transposed(graph: Graph) -> None:
    p = whole(graph, "p")
    for view, reuse in ((p, "none"), (p.transpose(0, 1, 3, 2), "post_softmax_T")):
        found = use(graph, view, seen(), seen())
        assert found is not None
        assert (found.softmax, found.reuse, found.flipped) == ("p", reuse, False)


def test_heads_merged_with_the_batch_change_nothing(graph: Graph) -> None:
    merged = whole(graph, "p").reshape(B * H, M, N)
    assert merged is not None
    found = use(graph, merged, seen(), seen())
    assert found is not None
    assert found.reuse == "none"


def test_any_other_order_is_no_use(graph: Graph) -> None:
    p = whole(graph, "p")
    part = p.layout.slice(1, 0, 2)
    assert part is not None
    assert use(graph, p.transpose(1, 0, 2, 3), seen(), seen()) is None
    assert use(graph, View("p", part), seen(), seen()) is None
    assert use(graph, whole(graph, "s"), seen(), seen()) is None


MASK = np.arange(M * N, dtype=np.float32).reshape(M, N)


@pytest.mark.parametrize(
    ("mine", "twins", "expected"),
    [
        (seen(turned=True), [seen()], ("pre_softmax_T", False)),
        (seen(turned=True), [], ("none", True)),
        (seen(turned=True), [seen(scale=1.1)], ("none", True)),
        (seen(turned=True, mask=MASK.T), [seen(mask=MASK)], ("pre_softmax_T", False)),
        (seen(turned=True, mask=MASK.T), [seen(mask=MASK + 1)], ("none", True)),
        (seen(turned=True, mask=MASK.T), [seen()], ("none", True)),
    ],
)
def test_a_softmax_of_turned_scores_shares_those_of_its_twin(
    graph: Graph, mine: Scores, twins: list[Scores], expected: tuple[str, bool]
) -> None:
    found = use(graph, whole(graph, "p"), mine, *twins)
    assert found is not None
    assert (found.reuse, found.flipped) == expected


@pytest.mark.parametrize(("axis", "turned", "reuse"), [(1, True, "head_mean_T"), (1, False, None), (0, True, None)])
def test_the_mean_over_the_heads(graph: Graph, axis: int, turned: bool, reuse: str | None) -> None:
    shape = tuple(size for at, size in enumerate((B, H, M, N)) if at != axis)
    op = Foreign("ReduceMean", attrs=(("axes", (axis,)), ("keepdims", 0)), present=(0,))
    mean = whole(graph, graph.add(op, ["p"], type=TensorType(shape)))
    found = use(graph, mean.transpose(0, 2, 1) if turned else mean, seen(), seen())
    assert (None if found is None else found.reuse) == reuse
