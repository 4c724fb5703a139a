"""Experts and mean probabilities equal the float backend's, and their inside can be changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from vitaccel.backends.float_graph.apply import apply
from vitaccel.ir.ops import Attention, Moe
from vitaccel.quantization.experts import head_mean, run_experts, visits


@pytest.fixture
def draw(seed: int) -> Callable[..., torch.Tensor]:
    generator = np.random.default_rng(seed)
    return lambda *shape: torch.from_numpy(generator.standard_normal(shape).astype(np.float32))


def operands(draw: Callable[..., torch.Tensor]) -> list[torch.Tensor]:
    return [draw(2, 5, 6), draw(2, 5, 4), draw(4, 6, 3), draw(4, 3), draw(4, 3, 6), draw(4, 6)]


@pytest.mark.parametrize("capacity", [0, 3])
def test_untouched_it_is_the_float_backend(capacity: int, draw: Callable[..., torch.Tensor]) -> None:
    op = Moe(experts=4, k=2, capacity=capacity, order="token" if capacity else "")
    given = operands(draw)
    assert torch.allclose(run_experts(op, given, lambda _, value: value), apply(op, *given), atol=1e-6)


def test_every_inside_value_is_seen(draw: Callable[..., torch.Tensor]) -> None:
    op, given = Moe(experts=4, k=2), operands(draw)
    widths: dict[str, int] = {}
    tokens = dict.fromkeys(("pre", "hidden", "result"), 0)

    def see(stem: str, value: torch.Tensor) -> torch.Tensor:
        widths[stem] = value.shape[1]
        tokens[stem] += len(value)
        return torch.zeros_like(value) if stem == "result" else value

    assert not run_experts(op, given, see).any()
    assert widths == {"pre": 3, "hidden": 3, "result": 6}
    assert set(tokens.values()) == {2 * 5 * 2}


def test_visits_leave_out_experts_without_tokens() -> None:
    logits = torch.tensor([[3.0, 2.0, 0.0], [3.0, 2.0, 1.0]])
    found = list(visits(Moe(experts=3, k=2), logits))
    assert [(visit.expert, visit.tokens.tolist()) for visit in found] == [(0, [0, 1]), (1, [0, 1])]


def test_mean_probabilities(draw: Callable[..., torch.Tensor]) -> None:
    logits, values = draw(2, 3, 4, 5), draw(2, 4, 6)
    expected = apply(Attention("head_mean_T"), logits, values)
    assert torch.allclose(head_mean(logits) @ values, expected, atol=1e-6)
