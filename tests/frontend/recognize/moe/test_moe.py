"""Layers written by hand become one moe node that computes what onnxruntime computes, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.ops import Moe

EXPERTS = 4
SHAPE = (1, 11, 6)


def moe_of(path: Path) -> Moe:
    """The one mixture of experts of a file, after its Graph was compared with onnxruntime."""
    graph = import_model(path).graph
    x = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    (found,) = evaluate(graph, {"x": x})
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    (name,) = graph.find(lambda node: isinstance(node.op, Moe))
    op = graph[name].op
    assert isinstance(op, Moe)
    return op


# -- scores --------------------------------------------------------------------------------------------------------
def test_probabilities_as_they_are(layer: Any, tmp_path: Path) -> None:
    assert moe_of(layer.save(layer.dense_list(*layer.top_k()), tmp_path)) == Moe(experts=4, k=2, activation="relu")


def test_probabilities_divided_by_their_sum(layer: Any, tmp_path: Path) -> None:
    score, chosen = layer.top_k()
    total = layer.op("ReduceSum", score, layer.const([1]), keepdims=1)
    path = layer.save(layer.dense_list(layer.op("Div", score, total), chosen), tmp_path)
    assert moe_of(path).score == "renorm"


def test_softmax_of_the_chosen_logits(layer: Any, tmp_path: Path) -> None:
    score, chosen = layer.top_k("logits")
    path = layer.save(layer.dense_list(layer.op("Softmax", score, axis=-1), chosen), tmp_path)
    assert moe_of(path).score == "softmax_topk"


def test_probabilities_fetched_after_ranking_the_logits(layer: Any, tmp_path: Path) -> None:
    _, chosen = layer.top_k("logits")
    score = layer.op("GatherElements", "probabilities", chosen, axis=1)
    assert moe_of(layer.save(layer.dense_list(score, chosen), tmp_path)).score == "softmax_all"


@pytest.mark.parametrize("kept", [1, 2])
def test_k_is_what_is_cut_from_a_larger_top_k(layer: Any, tmp_path: Path, kept: int) -> None:
    cut = [
        layer.op("Slice", v, layer.const([0]), layer.const([kept]), layer.const([1])) for v in layer.top_k(k=kept + 1)
    ]
    assert moe_of(layer.save(layer.dense_list(*cut), tmp_path)).k == kept


def test_a_cut_that_leaves_out_the_first_choice_is_refused(layer: Any, tmp_path: Path) -> None:
    cut = [layer.op("Slice", v, layer.const([1]), layer.const([3]), layer.const([1])) for v in layer.top_k(k=3)]
    refused(layer.save(layer.dense_list(*cut), tmp_path), "known kind")


def test_scores_squared_are_refused(layer: Any, tmp_path: Path) -> None:
    score, chosen = layer.top_k()
    refused(layer.save(layer.dense_list(layer.op("Mul", score, score), chosen), tmp_path), "known kind")


def test_sigmoid_scores_are_refused(layer: Any, tmp_path: Path) -> None:
    layer.op("Sigmoid", "logits", out="independent")
    refused(layer.save(layer.dense_list(*layer.top_k("independent")), tmp_path), "softmax scores")


def test_scores_below_a_threshold_dropped_are_refused(layer: Any, tmp_path: Path) -> None:
    score, chosen = layer.top_k()
    high = layer.op("Greater", score, layer.const(np.float32(0.3)))
    kept = layer.op("Where", high, score, layer.const(np.float32(0)))
    refused(layer.save(layer.dense_list(kept, chosen), tmp_path), "known kind")


def test_a_score_inside_the_activation_is_refused(layer: Any, tmp_path: Path) -> None:
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


# -- experts -------------------------------------------------------------------------------------------------------
def test_listed_experts_in_any_order(layer: Any, tmp_path: Path) -> None:
    path = layer.save(layer.dense_list(*layer.top_k(), ids=(2, 0, 3, 1)), tmp_path)
    assert moe_of(path).experts == EXPERTS


def test_experts_without_biases_get_zeros_that_are_no_parameters(layer: Any, tmp_path: Path) -> None:
    path = layer.save(layer.dense_list(*layer.top_k(), bias=False), tmp_path)
    moe_of(path)
    assert import_model(path).graph.parameters == 2 * 6 + 6 * EXPERTS + EXPERTS * 2 * 6 * 5


def test_parameters_of_router_and_experts_are_counted_once(layer: Any, tmp_path: Path) -> None:
    path = layer.save(layer.dense_list(*layer.top_k()), tmp_path)
    assert import_model(path).graph.parameters == 2 * 6 + 6 * EXPERTS + EXPERTS * (2 * 6 * 5 + 5 + 6)


def test_macs_are_of_the_routed_tokens(layer: Any, tmp_path: Path) -> None:
    imported = import_model(layer.save(layer.dense_list(*layer.top_k()), tmp_path))
    router, expert = 11 * 6 * EXPERTS, 2 * 6 * 5
    assert imported.graph.total_macs == router + 11 * 2 * expert
    assert imported.graph.total_macs_dense == imported.macs_exported == router + 11 * EXPERTS * expert


@pytest.mark.parametrize("ids", [(0, 1, 2), (0, 2), (3,)])
def test_lost_experts_are_refused(layer: Any, tmp_path: Path, ids: tuple[int, ...]) -> None:
    path = layer.save(layer.dense_list(*layer.top_k(), ids=ids), tmp_path)
    refused(path, f"'router' .TopK. rates 4 experts and the file must hold all of them, not {len(ids)}: a traced loop")


def test_an_expert_used_for_two_ids_is_refused(layer: Any, tmp_path: Path) -> None:
    refused(layer.save(layer.dense_list(*layer.top_k(), ids=(0, 1, 2, 2)), tmp_path), "known kind")


def test_experts_of_two_activations_are_refused(layer: Any, tmp_path: Path) -> None:
    gates = layer.gates(*layer.top_k())
    kinds = ["Relu", "Relu", "Tanh", "Relu"]
    terms = [layer.op("Mul", layer.expert("tokens", act=a), layer.column(gates, e)) for e, a in enumerate(kinds)]
    refused(layer.save(layer.total(terms), tmp_path), "one function, not relu, tanh")


def test_a_dense_expert_beside_the_routed_ones_stays(layer: Any, tmp_path: Path) -> None:
    mixed = layer.dense_list(*layer.top_k())
    shared = layer.op("MatMul", "tokens", layer.weight(6, 6))
    assert moe_of(layer.save(layer.op("Add", mixed, shared), tmp_path)).experts == EXPERTS


def test_stacked_experts_of_square_matrices(layer: Any, tmp_path: Path) -> None:
    gates = layer.gates(*layer.top_k())
    hidden = layer.op("Relu", layer.einsum("sd,ehd->esh", "tokens", layer.weight(EXPERTS, 6, 6)))
    out = layer.einsum("esh,ehd->esd", hidden, layer.weight(EXPERTS, 6, 6))
    assert moe_of(layer.save(layer.einsum("se,esd->sd", gates, out), tmp_path)).experts == EXPERTS


# -- capacity ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["choice", "token"])
@pytest.mark.parametrize("slots", [1, 3, 6, 10])
def test_capacity_and_drop_order(layer: Any, tmp_path: Path, slots: int, order: str) -> None:
    path = layer.save(layer.capacity(*layer.top_k(), slots=slots, order=order), tmp_path)
    assert moe_of(path) == Moe(experts=4, k=2, activation="relu", capacity=slots, order=order)


@pytest.mark.parametrize("slots", [11, 12])
def test_a_capacity_that_never_binds_is_none(layer: Any, tmp_path: Path, slots: int) -> None:
    assert moe_of(layer.save(layer.capacity(*layer.top_k(), slots=slots), tmp_path)).capacity == 0


def test_a_capacity_whose_slots_were_baked_for_another_batch_is_refused(layer: Any, tmp_path: Path) -> None:
    path = layer.save(layer.capacity(*layer.top_k(), slots=8, seats=3), tmp_path)
    refused(path, "admits 8 tokens to an expert")


# -- routers -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("flag", ["largest", "sorted"])
def test_a_top_k_that_is_no_ranking_is_refused(layer: Any, tmp_path: Path, flag: str) -> None:
    refused(layer.save(layer.dense_list(*layer.top_k(**{flag: 0})), tmp_path), f"must have {flag}=1, not 0")


@pytest.mark.parametrize("how", ["axis", "transpose"])
def test_expert_choice_is_refused(layer: Any, tmp_path: Path, how: str) -> None:
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


def test_soft_moe_is_refused(layer: Any, tmp_path: Path) -> None:
    dispatch = layer.op("Transpose", layer.op("Softmax", "logits", axis=0), perm=[1, 0])
    slots = layer.op("Reshape", layer.op("MatMul", dispatch, "tokens"), layer.const([EXPERTS, 1, 6]))
    rows = layer.op("Reshape", layer.stacked(slots), layer.const([EXPERTS, 6]))
    refused(layer.save(layer.op("MatMul", "probabilities", rows), tmp_path), "Soft-MoE")


def test_noise_times_zero_is_nothing(new_layer: Callable[..., Any], tmp_path: Path) -> None:
    assert moe_of(noisy(new_layer(), 0.0, tmp_path)) == Moe(experts=4, k=2, activation="relu")


def test_noise_is_refused(new_layer: Callable[..., Any], tmp_path: Path) -> None:
    refused(noisy(new_layer(), 0.1, tmp_path), "multiplied by zero")


def noisy(layer: Any, factor: float, folder: Path) -> Path:
    """The router of the M3ViT source."""
    noise = layer.op("Mul", layer.op("RandomNormalLike", "logits"), layer.const(np.float32(factor)))
    ranked = layer.op("Softmax", layer.op("Add", "logits", noise), axis=-1)
    return layer.save(layer.dense_list(*layer.top_k(ranked)), folder)


def refused(path: Path, why: str) -> None:
    """Require one sentence."""
    with pytest.raises(UnsupportedError, match=why) as caught:
        import_model(path)
    assert "\n" not in str(caught.value)
