"""What a layer computes is found by running it: scores, k, order of the experts, capacity; or it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.frontend import import_model
from vitaccel.frontend.recognize.moe import proof
from vitaccel.ir.ops import Moe

EXPERTS = 4
MoeOf = Callable[[Path], Moe]
Refused = Callable[[Path, str], None]


def test_probabilities_as_they_are(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    assert moe_of(layer.save(layer.dense_list(*layer.top_k()), tmp_path)) == Moe(experts=4, k=2, activation="relu")


def test_probabilities_divided_by_their_sum(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    score, chosen = layer.top_k()
    total = layer.op("ReduceSum", score, layer.const([1]), keepdims=1)
    path = layer.save(layer.dense_list(layer.op("Div", score, total), chosen), tmp_path)
    assert moe_of(path).score == "renorm"


def test_softmax_of_the_chosen_logits(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    score, chosen = layer.top_k("logits")
    path = layer.save(layer.dense_list(layer.op("Softmax", score, axis=-1), chosen), tmp_path)
    assert moe_of(path).score == "softmax_topk"


def test_probabilities_fetched_after_ranking_the_logits(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    _, chosen = layer.top_k("logits")
    score = layer.op("GatherElements", "probabilities", chosen, axis=1)
    assert moe_of(layer.save(layer.dense_list(score, chosen), tmp_path)).score == "softmax_all"


@pytest.mark.parametrize("kept", [1, 2])
def test_k_is_what_is_cut_from_a_larger_top_k(layer: Any, tmp_path: Path, kept: int, moe_of: MoeOf) -> None:
    cut = [
        layer.op("Slice", v, layer.const([0]), layer.const([kept]), layer.const([1])) for v in layer.top_k(k=kept + 1)
    ]
    assert moe_of(layer.save(layer.dense_list(*cut), tmp_path)).k == kept


def test_a_cut_that_leaves_out_the_first_choice_is_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    cut = [layer.op("Slice", v, layer.const([1]), layer.const([3]), layer.const([1])) for v in layer.top_k(k=3)]
    refused(layer.save(layer.dense_list(*cut), tmp_path), "known kind")


def test_scores_squared_are_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    score, chosen = layer.top_k()
    refused(layer.save(layer.dense_list(layer.op("Mul", score, score), chosen), tmp_path), "known kind")


def test_sigmoid_scores_are_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    layer.op("Sigmoid", "logits", out="independent")
    refused(layer.save(layer.dense_list(*layer.top_k("independent")), tmp_path), "softmax scores")


def test_scores_below_a_threshold_dropped_are_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    score, chosen = layer.top_k()
    high = layer.op("Greater", score, layer.const(np.float32(0.3)))
    kept = layer.op("Where", high, score, layer.const(np.float32(0)))
    refused(layer.save(layer.dense_list(kept, chosen), tmp_path), "known kind")


def test_a_score_inside_the_activation_is_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    gates = layer.gates(*layer.top_k())
    terms = []
    for e in range(EXPERTS):
        hidden = layer.op("Gemm", "tokens", layer.weight(6, 5))
        terms.append(
            layer.op(
                "Gemm",
                layer.op("Gelu", layer.op("Mul", hidden, layer.column(gates, e)), domain="com.microsoft"),
                layer.weight(5, 6),
            )
        )
    refused(layer.save(layer.total(terms), tmp_path), "experts")


@pytest.mark.parametrize("order", ["choice", "token"])
@pytest.mark.parametrize("slots", [1, 3, 6, 10])
def test_capacity_and_drop_order(layer: Any, tmp_path: Path, slots: int, order: str, moe_of: MoeOf) -> None:
    path = layer.save(layer.capacity(*layer.top_k(), slots=slots, order=order), tmp_path)
    assert moe_of(path) == Moe(experts=4, k=2, activation="relu", capacity=slots, order=order)


@pytest.mark.parametrize("slots", [11, 12])
def test_a_capacity_that_never_binds_is_none(layer: Any, tmp_path: Path, slots: int, moe_of: MoeOf) -> None:
    assert moe_of(layer.save(layer.capacity(*layer.top_k(), slots=slots), tmp_path)).capacity == 0


def test_a_capacity_whose_slots_were_baked_for_another_batch_is_refused(
    layer: Any, tmp_path: Path, refused: Refused
) -> None:
    path = layer.save(layer.capacity(*layer.top_k(), slots=8, seats=3), tmp_path)
    refused(path, "admits 8 tokens to an expert")


def test_a_score_inside_the_activation_is_another_function(layer: Any, tmp_path: Path, refused: Refused) -> None:
    gates = layer.op("Transpose", layer.gates(*layer.top_k()), perm=[1, 0])
    column = layer.op("Unsqueeze", gates, layer.const([2]))
    inner = layer.op("Mul", layer.einsum("sd,edh->esh", "tokens", layer.weight(EXPERTS, 6, 5)), column)
    act = layer.op("Gelu", inner, domain="com.microsoft")
    out = layer.einsum("esh,ehd->esd", act, layer.weight(EXPERTS, 5, 6))
    refused(layer.save(layer.op("ReduceSum", out, layer.const([0]), keepdims=0), tmp_path), "known kind")


def test_six_layers_of_one_form_are_run_once(exported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = proof.evaluate_region
    monkeypatch.setattr(proof, "evaluate_region", lambda *a, **k: runs.append(1) or run(*a, **k))
    path = exported("m3vit-micro", moe_style="dense_list", exporter="legacy", opset=17)
    graph = import_model(path).graph
    assert len(graph.find(lambda node: isinstance(node.op, Moe))) == 2
    assert len(runs) == 1
