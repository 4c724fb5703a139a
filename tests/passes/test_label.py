"""Kernels are named by their place in the network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vitaccel.ir.graph import Graph


def labels(graph: Graph) -> list[str]:
    return [graph[n].label for n in graph.topological() if graph[n].kernel == n and graph[n].label]


BLOCK = ["norm", "q", "k", "v", "attention", "proj"]


def test_a_vit(prepared: Callable[[str], Graph]) -> None:
    found = labels(prepared("vit"))
    block = [f"block0.attn.{part}" for part in BLOCK] + [f"block0.mlp.{part}" for part in ("norm", "fc1", "fc2")]
    assert found[0] == "embed.patch"
    assert sorted(label for label in found if label.startswith("block0.")) == sorted(block)
    assert found[-2:] == ["head.norm", "head.linear"]


def test_a_lookupvit_has_five_parts_a_block(prepared: Callable[[str], Graph]) -> None:
    found = labels(prepared("lookupvit"))
    for block in ("block0", "block1"):
        parts = {label.split(".")[1] for label in found if label.startswith(f"{block}.")}
        assert parts == {"gather", "attn", "mlp", "infuse", "lookup_mlp"}
    assert {"block0.gather.norm_q", "block0.gather.norm_kv", "embed.resample"} <= set(found)
    assert "block0.infuse.q" not in found


def test_experts_have_a_gate(prepared: Callable[[str], Graph]) -> None:
    found = labels(prepared("m3vit"))
    assert {"block1.moe", "block1.moe.gate", "block1.moe.norm", "block0.mlp.fc1"} <= set(found)
    assert "block0.moe" not in found


@pytest.mark.parametrize(
    "model", ["vit", "vit-mean", "deit-distilled", "lookupvit-pre", "lookupvit-mean", "m3vit-task", "vmoe", "hybrid"]
)
def test_every_kernel_has_one_name_of_its_own(model: str, prepared: Callable[[str], Graph]) -> None:
    graph = prepared(model)
    found = labels(graph)
    roots = [n for n in graph.topological() if graph[n].kernel == n]
    assert len(found) == len(set(found))
    assert all(graph[n].label == graph[graph[n].kernel].label for n in graph.topological() if graph[n].kernel in roots)


def test_blocks_follow_each_other(prepared: Callable[[str], Graph]) -> None:
    blocks = [label.split(".")[0] for label in labels(prepared("m3vit"))]
    seen = list(dict.fromkeys(blocks))
    assert seen == ["embed", *(f"block{at}" for at in range(len(seen) - 2)), "head"]
