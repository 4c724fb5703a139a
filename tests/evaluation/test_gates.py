from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.evaluation.conftest import Made
from vitaccel.evaluation.data import random_data
from vitaccel.evaluation.gates import GateCounts, ReroutedMeaning, float_choices, layers_of_experts
from vitaccel.ir.ops import Moe
from vitaccel.quantization.calibration import batches
from vitaccel.quantization.meaning import FloatMeaning, walk

OP = Moe(experts=4, k=2)


def test_choices_are_counted_token_by_token(rng: np.random.Generator) -> None:
    draw = [np.array([rng.permutation(4)[:2] for _ in range(50)]) for _ in range(2)]
    counts = GateCounts("gate", OP)
    same = np.concatenate([counts.add(draw[0][part], draw[1][part]) for part in (slice(0, 20), slice(20, 50))])
    sets = [[set(row) for row in each.tolist()] for each in draw]
    assert same.tolist() == [a == b for a, b in zip(*sets, strict=True)]
    found = counts.quality
    assert found.tokens == 50
    assert found.same_sets == sum(same)
    assert found.same_choices == sum(len(a & b) for a, b in zip(*sets, strict=True))
    assert found.float_load == tuple(draw[0].reshape(-1).tolist().count(e) for e in range(4))
    assert found.int_load == tuple(draw[1].reshape(-1).tolist().count(e) for e in range(4))


def test_the_order_of_the_chosen_does_not_matter() -> None:
    counts = GateCounts("gate", OP)
    assert counts.add(np.array([[3, 1]]), np.array([[1, 3]])).tolist() == [True]
    assert counts.add(np.array([[3, 1]]), np.array([[1, 2]])).tolist() == [False]
    assert (counts.quality.agreement, counts.quality.choice_agreement) == (0.5, 0.75)


def test_the_lower_expert_wins_a_tie() -> None:
    assert float_choices(OP, torch.tensor([[[1.0, 2.0, 2.0, 1.0]]])).tolist() == [[1, 2]]


def outputs_of(micro: Callable[[str], Made], *, other: bool) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the float network, and when it is told its own choices, or the other experts."""
    subject, pairing = micro("m3vit")
    graph = pairing.reference
    (feeds,) = batches(graph, random_data(subject.graph, 1, seed=3).inputs)
    logits = {graph[name].inputs[1]: name for name in layers_of_experts(graph)}
    chosen: dict[str, np.ndarray] = {}

    def visit(name: str, value: torch.Tensor) -> None:
        if name in logits:
            op = graph[logits[name]].op
            assert isinstance(op, Moe)
            own = float_choices(op, value)
            chosen[logits[name]] = (own + 1) % op.experts if other else own

    truth = walk(FloatMeaning(graph), feeds, visit)[graph.outputs[0]].numpy()
    assert chosen
    rerouted = ReroutedMeaning(graph)
    rerouted.choices = chosen
    return truth, walk(rerouted, feeds, lambda _name, _value: None)[graph.outputs[0]].numpy()


def test_a_network_that_is_told_its_own_choices_is_unchanged(micro: Callable[[str], Made]) -> None:
    truth, again = outputs_of(micro, other=False)
    np.testing.assert_allclose(again, truth, rtol=1e-5, atol=1e-6)


def test_a_network_that_is_told_others_is_not(micro: Callable[[str], Made]) -> None:
    truth, again = outputs_of(micro, other=True)
    assert np.abs(again - truth).max() > 1e-3


@pytest.mark.parametrize(("short", "layers"), [("vit", 0), ("m3vit", 2), ("vmoe", 2)])
def test_layers_of_experts_have_names(micro: Callable[[str], Made], short: str, layers: int) -> None:
    found = layers_of_experts(micro(short)[1].reference)
    assert len(found) == layers
    assert all(name.endswith("moe") for name in found.values())
