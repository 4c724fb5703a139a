"""Edge-MoE from its loop bounds: the published latency lies where 128-bit ports put it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def edge_moe(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("edge_moe")


def test_128_bit_ports_explain_the_published_latency(edge_moe: ModuleType) -> None:
    best, worst = (edge_moe.milliseconds(edge_moe.frame(2, hidden=hidden)) for hidden in (True, False))
    assert best < worst
    assert 0.9 * best < edge_moe.PUBLISHED_MS < 1.1 * worst
    assert (best + worst) / 2 == pytest.approx(edge_moe.PUBLISHED_MS, rel=0.1)


def test_256_bit_ports_do_not(edge_moe: ModuleType) -> None:
    worst = edge_moe.milliseconds(edge_moe.frame(1, hidden=False))
    assert worst < 0.65 * edge_moe.PUBLISHED_MS


@pytest.mark.parametrize("hidden", [True, False])
def test_attention_takes_half_of_the_time_as_its_authors_say(edge_moe: ModuleType, hidden: bool) -> None:
    assert 0.45 < edge_moe.attention_share(edge_moe.frame(2, hidden=hidden)) < 0.55


def test_all_its_macs_are_counted(edge_moe: ModuleType) -> None:
    """The linear unit does 256 MACs a cycle, the attention unit 32: models.md counts 782.7 million in all."""
    free = {part.name: part.cycles for part in edge_moe.frame(0, hidden=False)}
    linears = free["attention linears"] + free["dense MLP"] + free["experts"]
    embed = free["embedding, LayerNorm, gate, add"]
    attention = 2 * 12 * 129 * 129 * 192
    gate = 6 * 129 * 192 * 16
    assert 256 * (linears + embed) + attention + gate == pytest.approx(782.7e6, rel=1e-4)


def test_the_document_shows_what_the_script_prints(
    edge_moe: ModuleType, shown: Callable[[str, str, str], None]
) -> None:
    shown("cost-model.md", "python benchmarks/edge_moe.py", edge_moe.report())
