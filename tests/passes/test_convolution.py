"""Which of three ways a convolution is run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Conv2d, Input
from vitaccel.ir.types import TensorType
from vitaccel.passes.convolution import is_depthwise, is_patch_embedding


def convolution(shape: tuple[int, ...], *, behind: bool = False, **attributes: Any) -> tuple[Graph, str]:
    graph = Graph("conv")
    x = graph.add(Input(), type=TensorType((1, 4, 16, 16)), name="image")
    x = graph.add(Activation("relu"), [x]) if behind else x
    weight = graph.add_const(np.ones(shape, np.float32))
    return graph, graph.add(Conv2d(**attributes), (x, weight))


def test_a_patch_embedding_has_windows_side_by_side() -> None:
    assert is_patch_embedding(*convolution((6, 4, 4, 4), stride=(4, 4)))


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((6, 4, 4, 4), {"stride": (2, 2)}),
        ((6, 4, 4, 4), {"stride": (4, 4), "padding": (1, 1, 1, 1)}),
        ((6, 2, 4, 4), {"stride": (4, 4), "groups": 2}),
        ((6, 4, 4, 4), {"stride": (4, 4), "behind": True}),
    ],
)
def test_others_are_none(shape: tuple[int, ...], attributes: dict[str, Any]) -> None:
    assert not is_patch_embedding(*convolution(shape, **attributes))


@pytest.mark.parametrize(("shape", "groups", "expected"), [((4, 1, 3, 3), 4, True), ((4, 2, 3, 3), 2, False)])
def test_depthwise_is_a_channel_by_itself(shape: tuple[int, ...], groups: int, expected: bool) -> None:
    assert is_depthwise(*convolution(shape, groups=groups)) == expected


def test_one_channel_is_not_depthwise() -> None:
    graph = Graph("conv")
    x = graph.add(Input(), type=TensorType((1, 1, 8, 8)), name="image")
    conv = graph.add(Conv2d(), (x, graph.add_const(np.ones((4, 1, 3, 3), np.float32))))
    assert not is_depthwise(graph, conv)
    assert not is_depthwise(graph, x)
    assert not is_patch_embedding(graph, x)
