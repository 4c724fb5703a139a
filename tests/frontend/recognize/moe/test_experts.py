"""Experts in every arrangement that is understood; lost and strange ones are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel.frontend import import_model
from vitaccel.ir.ops import Moe

EXPERTS = 4
MoeOf = Callable[[Path], Moe]
Refused = Callable[[Path, str], None]


def test_listed_experts_in_any_order(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    path = layer.save(layer.dense_list(*layer.top_k(), ids=(2, 0, 3, 1)), tmp_path)
    assert moe_of(path).experts == EXPERTS


def test_experts_without_biases_get_zeros_that_are_no_parameters(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
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
def test_lost_experts_are_refused(layer: Any, tmp_path: Path, ids: tuple[int, ...], refused: Refused) -> None:
    path = layer.save(layer.dense_list(*layer.top_k(), ids=ids), tmp_path)
    refused(path, f"'router' .TopK. rates 4 experts and the file must hold all of them, not {len(ids)}: a traced loop")


def test_an_expert_used_for_two_ids_is_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    refused(layer.save(layer.dense_list(*layer.top_k(), ids=(0, 1, 2, 2)), tmp_path), "known kind")


def test_experts_of_two_activations_are_refused(layer: Any, tmp_path: Path, refused: Refused) -> None:
    gates = layer.gates(*layer.top_k())
    kinds = ["Relu", "Relu", "Tanh", "Relu"]
    terms = [layer.op("Mul", layer.expert("tokens", act=a), layer.column(gates, e)) for e, a in enumerate(kinds)]
    refused(layer.save(layer.total(terms), tmp_path), "one function, not relu, tanh")


def test_a_dense_expert_beside_the_routed_ones_stays(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    mixed = layer.dense_list(*layer.top_k())
    shared = layer.op("MatMul", "tokens", layer.weight(6, 6))
    assert moe_of(layer.save(layer.op("Add", mixed, shared), tmp_path)).experts == EXPERTS


def test_stacked_experts_of_square_matrices(layer: Any, tmp_path: Path, moe_of: MoeOf) -> None:
    gates = layer.gates(*layer.top_k())
    hidden = layer.op("Relu", layer.einsum("sd,ehd->esh", "tokens", layer.weight(EXPERTS, 6, 6)))
    out = layer.einsum("esh,ehd->esd", hidden, layer.weight(EXPERTS, 6, 6))
    assert moe_of(layer.save(layer.einsum("se,esd->sd", gates, out), tmp_path)).experts == EXPERTS
