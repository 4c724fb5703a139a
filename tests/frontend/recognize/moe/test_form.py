"""Two layers have one form iff what is proven for one holds for the other."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pytest

from vitaccel.frontend.recognize.moe.form import form
from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Foreign, Input, Linear
from vitaccel.ir.types import TensorType


def form_of(
    *, weight: float = 1.0, limit: int = 3, kind: str = "relu", origin: str = "n", swap: bool = False
) -> Hashable:
    """A small region: a product, an activation and a comparison."""
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((2, 3)), name=f"x{origin}")
    logits = graph.add(Input(), type=TensorType((2, 3)), name=f"l{origin}")
    w = graph.add_const(np.full((3, 3), weight, np.float32))
    c = graph.add_const(np.array(limit))
    product = graph.add(Linear(), [x, w])
    active = graph.add(Activation(kind), [product])
    less = Foreign(op_type="Less", origin=origin, present=(0, 1))
    pair = [c, logits] if swap else [logits, c]
    end = graph.add(less, pair, type=TensorType((2, 3), "bool"))
    region = Region(end, (product, active, end), (w, c), x)
    return form(graph, logits, [region], [w])


def test_names_and_weights_do_not_count() -> None:
    assert form_of() == form_of(origin="other", weight=2.0)


@pytest.mark.parametrize("change", [{"limit": 4}, {"kind": "gelu"}, {"swap": True}], ids=str)
def test_constants_attributes_and_edges_count(change: dict[str, object]) -> None:
    assert form_of() != form_of(**change)  # type: ignore[arg-type]
