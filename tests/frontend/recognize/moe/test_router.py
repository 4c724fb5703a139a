"""Which TopK is a router, and what may stand before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.ir.ops import Moe

EXPERTS = 4
MoeOf = Callable[[Path], Moe]
Refused = Callable[[Path, str], None]


@pytest.mark.parametrize("flag", ["largest", "sorted"])
def test_a_top_k_that_is_no_ranking_is_refused(layer: Any, tmp_path: Path, flag: str, refused: Refused) -> None:
    refused(layer.save(layer.dense_list(*layer.top_k(**{flag: 0})), tmp_path), f"must have {flag}=1, not 0")


@pytest.mark.parametrize("how", ["axis", "transpose"])
def test_expert_choice_is_refused(layer: Any, tmp_path: Path, how: str, refused: Refused) -> None:
    if how == "axis":
        layer.top_k(axis=0, k=3)
    else:
        layer.top_k(layer.op("Transpose", "probabilities", perm=[1, 0]), k=3)
        layer.op("Transpose", "score", perm=[1, 0], out="seen")
    weights = layer.op("ReduceSum", "score" if how == "axis" else "seen", layer.const([0]), keepdims=1)
    mixed = layer.op(
        "MatMul", layer.op("MatMul", "tokens", layer.weight(6, EXPERTS)), layer.op("Transpose", weights, perm=[1, 0])
    )
    mixed = layer.op("MatMul", mixed, layer.weight(1, 6))
    refused(layer.save(mixed, tmp_path), "not tokens for an expert")


def test_noise_times_zero_is_nothing(new_layer: Callable[..., Any], tmp_path: Path, moe_of: MoeOf) -> None:
    assert moe_of(noisy(new_layer(), 0.0, tmp_path)) == Moe(experts=4, k=2, activation="relu")


def test_noise_is_refused(new_layer: Callable[..., Any], tmp_path: Path, refused: Refused) -> None:
    refused(noisy(new_layer(), 0.1, tmp_path), "multiplied by zero")


def noisy(layer: Any, factor: float, folder: Path) -> Path:
    """The router of the M3ViT source."""
    noise = layer.op("Mul", layer.op("RandomNormalLike", "logits"), layer.const(np.float32(factor)))
    ranked = layer.op("Softmax", layer.op("Add", "logits", noise), axis=-1)
    return layer.save(layer.dense_list(*layer.top_k(ranked)), folder)
