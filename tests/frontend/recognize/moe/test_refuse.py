"""Mixtures of experts that compute something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.frontend import import_model
from vitaccel.ir.ops import Softmax

EXPERTS = 4
Refused = Callable[[Path, str], None]


@pytest.mark.parametrize("spelling", ["axis 0", "transposed"])
def test_soft_moe_is_refused(layer: Any, tmp_path: Path, refused: Refused, spelling: str) -> None:
    if spelling == "axis 0":
        dispatch = layer.op("Transpose", layer.op("Softmax", "logits", axis=0), perm=[1, 0])
    else:
        dispatch = layer.op("Softmax", layer.op("Transpose", "logits", perm=[1, 0]), axis=-1)
    slots = layer.op("Reshape", layer.op("MatMul", dispatch, "tokens"), layer.const([EXPERTS, 1, 6]))
    rows = layer.op("Reshape", layer.stacked(slots), layer.const([EXPERTS, 6]))
    refused(layer.save(layer.op("MatMul", "probabilities", rows), tmp_path), "Soft-MoE")


def test_two_softmaxes_over_one_axis_are_no_soft_moe(layer: Any, tmp_path: Path) -> None:
    again = layer.op("Softmax", layer.op("Mul", "logits", layer.const(np.float32(2))), axis=-1)
    mixed = layer.op("MatMul", layer.op("Add", "probabilities", again), layer.weight(EXPERTS, 6))
    graph = import_model(layer.save(mixed, tmp_path)).graph
    assert len(graph.find(lambda node: isinstance(node.op, Softmax))) == 2


@pytest.mark.parametrize(("admitted", "seats"), [(8, 3), (9, 7)])
def test_more_tokens_admitted_than_there_are_seats_is_refused(
    layer: Any, tmp_path: Path, refused: Refused, admitted: int, seats: int
) -> None:
    path = layer.save(layer.capacity(*layer.top_k(), slots=admitted, seats=seats), tmp_path)
    refused(path, f"admits {admitted} tokens to an expert")
