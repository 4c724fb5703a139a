from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.operators.site import Derived, RefusedError, Site
from vitaccel.ir.graph import Graph, is_parameter
from vitaccel.ir.ops import Foreign, Input
from vitaccel.ir.types import TensorType


@pytest.fixture
def site() -> Site:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((2, 3)), name="x")
    w = graph.add_const(np.arange(6, dtype=np.float32).reshape(2, 3), parameter=True, name="w")
    axes = graph.add_const(np.array([1, -1]), name="axes")
    op = Foreign("Any", "", (("axis", -1), ("mode", "cubic"), ("perm", (1, 0))), 0, (0, 1, 3), "node")
    name = graph.add(op, [x, w, axes], type=TensorType((2, 3)), sources=["node"])
    return Site(graph, name, op, Derived())


def test_operands_by_onnx_position(site: Site) -> None:
    assert [site.operand(p) for p in range(5)] == ["x", "w", None, "axes", None]
    assert site.const(0) is None
    assert site.const(1) is not None
    assert site.const(2) is None
    with pytest.raises(RefusedError, match=r"^have its input 2$"):
        site.x(2)


def test_attributes(site: Site) -> None:
    assert site.ints("perm") == (1, 0)
    assert site.ints("axes", 3) == (1, -1)
    assert site.ints("axes", 2) is None
    assert site.axis(0, rank=2) == 1
    assert site.text("mode", "nearest") == "cubic"
    assert site.text("axis", "nearest") == "nearest"
    assert site.number("alpha", 0.5) == 0.5


def test_views_that_change_nothing_are_not_built(site: Site) -> None:
    assert site.reshape("x", (2, 3)) == "x"
    assert site.transpose("x", (0, 1)) == "x"
    turned = site.transpose("x", (1, 0))
    assert site.graph[turned].sources == {"node"}


def test_a_derived_constant_is_made_once_and_stays_a_parameter(site: Site) -> None:
    turned = site.derive("w", "turned", np.transpose)
    assert site.derive("w", "turned", np.transpose) == turned
    assert site.derive("w", "same", lambda w: w) == "w"
    assert is_parameter(site.graph[turned])
    assert not is_parameter(site.graph[site.derive("axes", "turned", np.negative)])
    assert np.shares_memory(site.graph.array(turned), site.graph.array("w"))
