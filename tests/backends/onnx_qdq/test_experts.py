from __future__ import annotations

from typing import Any

import pytest

from vitaccel.ir.ops import Moe


@pytest.mark.parametrize("score", ["softmax_all", "softmax_topk", "renorm"])
@pytest.mark.parametrize(("capacity", "order"), [(0, ""), (3, "choice"), (3, "token"), (1, "choice")])
@pytest.mark.parametrize("k", [1, 2])
def test_gates_are_those_of_the_graph(agrees: Any, weight: Any, k: int, capacity: int, order: str, score: str) -> None:
    weights = weight(5, 6, 8), weight(5, 8), weight(5, 8, 4), weight(5, 4)
    agrees(Moe(5, k, score, "gelu_tanh", capacity, order), (2, 7, 6), (2, 7, 5), *weights)
