"""The mixtures of experts of the zoo, as PyTorch writes them: one Graph, PyTorch's own counts, one golden text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel import zoo
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Moe

Exported = Callable[..., Path]
LOSSLESS = ("dense_list", "dense_bmm", "nonzero", "gather_w")
SPELLINGS = [
    *((style, "legacy", 17) for style in LOSSLESS),
    *((style, "dynamo", 18) for style in ("dense_list", "gather_w", "nonzero")),
    pytest.param("dense_bmm", "dynamo", 18, marks=pytest.mark.full),
]
"""Styles and who writes them; the one left out, `test_agreement` has with later operators."""


def moes(graph: Graph) -> set[Moe]:
    """The different mixtures of a Graph."""
    return {op for name in graph if isinstance(op := graph[name].op, Moe)}


@pytest.mark.parametrize(("style", "exporter", "opset"), SPELLINGS)
def test_every_style_is_the_golden_graph(
    exported: Exported, golden: Callable[[str, str], None], style: str, exporter: str, opset: int
) -> None:
    graph = import_model(exported("m3vit-micro", moe_style=style, exporter=exporter, opset=opset)).graph
    graph.name = "m3vit-micro"
    assert not graph.find(lambda node: isinstance(node.op, Foreign))
    golden("m3vit-micro.graph.txt", str(graph))


@pytest.mark.parametrize("style", [*LOSSLESS, "einsum_cap"])
def test_counts_are_those_of_pytorch(exported: Exported, style: str) -> None:
    def truth(name: str) -> int:
        return zoo.count_macs(zoo.build("m3vit-micro", moe_style=name), zoo.example_input("m3vit-micro"))

    imported = import_model(exported("m3vit-micro", moe_style=style, exporter="legacy", opset=17))
    assert imported.macs_exported == truth(style)
    assert imported.graph.total_macs_dense == truth("dense_list")
    assert imported.graph.parameters == zoo.count_parameters(zoo.build("m3vit-micro", moe_style=style))
    if style != "einsum_cap":
        assert imported.graph.total_macs == truth("nonzero")


@pytest.mark.parametrize("style", LOSSLESS)
@pytest.mark.parametrize("scores", ["softmax_topk", "renorm"])
@pytest.mark.parametrize("gate", ["plain", "official"])
def test_scores_and_gate_do_not_depend_on_the_style(exported: Exported, style: str, scores: str, gate: str) -> None:
    path = exported("m3vit-micro", moe_style=style, exporter="legacy", opset=17, scores=scores, gate=gate)
    assert moes(import_model(path).graph) == {Moe(experts=7, k=2, score=scores)}


@pytest.mark.parametrize("style", LOSSLESS)
@pytest.mark.parametrize("k", [1, 7])
def test_one_expert_and_all_experts(exported: Exported, style: str, k: int) -> None:
    path = exported("m3vit-micro", moe_style=style, exporter="legacy", opset=17, top_k=k)
    assert moes(import_model(path).graph) == {Moe(experts=7, k=k)}


@pytest.mark.parametrize("factor", [0.3, 1.05, 2.0, 5.0])
@pytest.mark.parametrize("k", [1, 2])
def test_a_capacity_is_the_one_that_was_exported(exported: Exported, factor: float, k: int) -> None:
    from vitaccel.zoo.dispatch import capacity

    options: dict[str, Any] = {"moe_style": "einsum_cap", "capacity_factor": factor, "top_k": k}
    slots = capacity(tokens=22, top_k=k, experts=7, factor=factor)
    binding = {"capacity": slots, "order": "choice"} if slots < 22 else {}
    graph = import_model(exported("m3vit-micro", exporter="legacy", opset=17, **options)).graph
    assert moes(graph) == {Moe(experts=7, k=k, **binding)}


def test_a_batch_is_one_group(exported: Exported) -> None:
    path = exported("m3vit-micro", moe_style="einsum_cap", exporter="legacy", opset=17, batch=3)
    (moe,) = moes(import_model(path).graph)
    assert (moe.capacity, moe.order) == (20, "choice")


def test_the_task_selects_the_gate(exported: Exported) -> None:
    for style in LOSSLESS:
        path = exported("m3vit-micro", moe_style=style, exporter="legacy", opset=17, task_input=True)
        text = str(import_model(path).graph)
        assert text.count("= select(const f32[2,18,7], task)") == 2
        assert moes(import_model(path).graph) == {Moe(experts=7, k=2)}


def test_a_loop_over_the_experts_that_were_hit_is_refused(exported: Exported) -> None:
    path = exported("m3vit-micro", moe_style="hit_loop", exporter="legacy", opset=17, top_k=1)
    with pytest.raises(UnsupportedError, match=r"'/blocks.*TopK.* rates 7 experts .* a traced loop over the experts"):
        import_model(path)


@pytest.mark.full
@pytest.mark.parametrize(("exporter", "opset"), [("dynamo", 18), ("legacy", 17)])
@pytest.mark.parametrize("style", [*LOSSLESS, "einsum_cap"])
def test_the_edge_moe_configuration(exported: Exported, style: str, exporter: str, opset: int) -> None:
    imported = import_model(exported("m3vit-tiny", moe_style=style, exporter=exporter, opset=opset))
    assert imported.graph.parameters == 18_158_632
    assert imported.graph.total_macs_dense == 2_380_744_704
    if style != "einsum_cap":
        assert imported.graph.total_macs == 782_911_488
        assert moes(imported.graph) == {Moe(experts=16, k=2)}
