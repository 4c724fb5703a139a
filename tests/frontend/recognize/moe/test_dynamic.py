"""Loops over all experts whose tokens are picked by NonZero, so that the number of rows depends on the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.ir.ops import Moe

TOKENS, WIDTH, EXPERTS = 11, 6, 4
Refused = Callable[[Path, str], None]


def loop(layer: Any, *, ids: tuple[int, ...] = (0, 1, 2, 3), product: str = "Gemm", overwrite: bool = False) -> str:
    """Each expert's tokens gathered, run, weighted and scattered back."""
    score, chosen = layer.top_k()
    result = layer.const(np.zeros((TOKENS, WIDTH), np.float32))
    for e in ids:
        pairs = layer.op("Transpose", layer.op("NonZero", layer.op("Equal", chosen, layer.const(e))), perm=[1, 0])
        token = layer.op("Slice", pairs, layer.const([0]), layer.const([1]), layer.const([1]))
        rows = layer.op("GatherND", "tokens", token)
        if product == "Gemm":
            out = layer.expert(rows)
        else:
            first = layer.op("Add", layer.weight(5), layer.op("MatMul", rows, layer.weight(WIDTH, 5)))
            half = layer.op("Mul", layer.op("Sigmoid", first), first)
            out = layer.op("Add", layer.op("MatMul", half, layer.weight(5, WIDTH)), layer.weight(WIDTH))
        weight = layer.op("Unsqueeze", layer.op("GatherND", score, pairs), layer.const([1]))
        how = {} if overwrite else {"reduction": "add"}
        result = layer.op("ScatterND", result, token, layer.op("Mul", out, weight), **how)
    return result


def test_a_loop_over_all_experts(layer: Any, tmp_path: Path, moe_of: Callable[[Path], Moe]) -> None:
    assert moe_of(layer.save(loop(layer), tmp_path)) == Moe(experts=4, k=2, activation="relu")


def test_products_and_activations_in_pieces(layer: Any, tmp_path: Path, moe_of: Callable[[Path], Moe]) -> None:
    assert moe_of(layer.save(loop(layer, product="MatMul"), tmp_path)) == Moe(experts=4, k=2, activation="silu")


@pytest.mark.parametrize("ids", [(0, 1, 3), (2,), (0, 1, 2, 2)])
def test_a_loop_over_some_experts_is_refused(
    layer: Any, tmp_path: Path, refused: Refused, ids: tuple[int, ...]
) -> None:
    refused(layer.save(loop(layer, ids=ids), tmp_path), "a traced loop over|of a known kind")


def test_a_loop_that_overwrites_is_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    refused(layer.save(loop(layer, overwrite=True), tmp_path), "of a known kind")
