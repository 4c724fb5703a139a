from __future__ import annotations

import dataclasses

import pytest

from vitaccel.backends.cost_model.result import Actions, Cycles, LayerCost, Prediction
from vitaccel.errors import VitaccelError
from vitaccel.report.breakdown import by_block, by_op, merge, ordered, split_cycles, utilization, waited_for


def test_the_parts_of_the_cycles_sum_to_the_network(prediction: Prediction) -> None:
    split = split_cycles(prediction.layers, 64)
    assert split.elapsed == prediction.cycles.elapsed == 5000
    assert (split.useful, split.padding) == (3000, 200)


def test_the_split_of_a_network_is_the_sum_of_its_layers(prediction: Prediction) -> None:
    for pes in (64, 100, 7):
        whole = dataclasses.astuple(split_cycles(prediction.layers, pes))
        parts = [dataclasses.astuple(split_cycles([layer], pes)) for layer in prediction.layers]
        assert whole == tuple(map(sum, zip(*parts, strict=True)))


def test_useful_cycles_never_exceed_the_arrays(prediction: Prediction) -> None:
    split = split_cycles(prediction.layers, 1)
    assert split.useful == 3200
    assert split.padding == 0


def test_blocks_and_operators_add_up(prediction: Prediction) -> None:
    for groups in (by_block(prediction), by_op(prediction)):
        assert merge(groups, "").cycles == prediction.cycles
        assert merge(groups, "").traffic == prediction.traffic
        assert merge(groups, "").actions == prediction.actions
    assert [(part.name, part.op) for part in by_block(prediction)] == [
        ("embed", "1 layer"),
        ("block0", "2 layers"),
        ("head", "1 layer"),
    ]
    assert [part.name for part in by_op(prediction)] == ["linear", "layer_norm"]


def test_utilization(prediction: Prediction) -> None:
    assert utilization(prediction.layers[0], 64) == pytest.approx(57600 / (1100 * 64))
    nothing = dataclasses.replace(prediction.layers[0], cycles=Cycles(), actions=Actions())
    assert utilization(nothing, 64) == 0


@pytest.mark.parametrize(
    ("cycles", "words"),
    [
        (Cycles(array=50, load=40, drain=10), "memory read 40%"),
        (Cycles(array=50, store=41, load=9), "memory write 41%"),
        (Cycles(vector=7), "lanes 100%"),
        (Cycles(array=90, drain=10), "drain 10%"),
        (Cycles(array=10), ""),
        (Cycles(), ""),
    ],
)
def test_what_a_layer_waited_for(prediction: Prediction, cycles: Cycles, words: str) -> None:
    assert waited_for(dataclasses.replace(prediction.layers[0], cycles=cycles)) == words


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("program", ["embed", "block0.norm1", "block0.mlp.fc1", "head"]),
        ("time", ["block0.mlp.fc1", "embed", "block0.norm1", "head"]),
        ("traffic", ["block0.mlp.fc1", "embed", "head", "block0.norm1"]),
        ("energy", ["block0.mlp.fc1", "embed", "head", "block0.norm1"]),
    ],
)
def test_orders(prediction: Prediction, sort: str, names: list[str]) -> None:
    layers: tuple[LayerCost, ...] = ordered(prediction.layers, sort)
    assert [layer.name for layer in layers] == names


def test_an_unknown_order_is_refused_with_the_nearest(prediction: Prediction) -> None:
    with pytest.raises(VitaccelError, match=r"one of program, time, energy, traffic, not 'tiem' \(did you mean 'time'"):
        ordered(prediction.layers, "tiem")
