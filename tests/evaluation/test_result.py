from __future__ import annotations

from dataclasses import replace

import pytest

from vitaccel.arch import Numerics
from vitaccel.evaluation.result import Evaluation, GateQuality, LayerQuality

EMPTY = Evaluation("m", "d", 1, None, None, 1.0, 40.0, (), (), None, Numerics())


def layer(name: str, db: float, source_db: float = float("inf"), source: str = "before") -> LayerQuality:
    return LayerQuality(name, "linear", "%1", db, source, source_db)


def test_a_loss_is_what_the_layer_adds_to_its_worst_operand() -> None:
    assert layer("a", 37.0, 40.0).loss_db == 3.0
    assert layer("a", 43.0, 40.0).loss_db == -3.0


def test_what_reads_nothing_loses_nothing() -> None:
    assert LayerQuality("image", "input", "image", 20.0).loss_db == 0.0


def test_what_reads_exact_values_loses_everything() -> None:
    assert layer("a", 37.0).loss_db == float("inf")


@pytest.mark.parametrize(("db", "named"), [(37.0, "c"), (36.9, "b")])
def test_the_first_that_loses_more_than_three_decibels(db: float, named: str) -> None:
    layers = (LayerQuality("image", "input", "image", 50.0), layer("b", db, 40.0), layer("c", 20.0, 40.0))
    first = replace(EMPTY, layers=layers).first_losing
    assert first is not None
    assert first.name == named


def test_none_may_lose() -> None:
    assert EMPTY.first_losing is None
    assert replace(EMPTY, layers=(layer("a", 38.0, 40.0),)).first_losing is None


def test_gates_are_weighed_by_their_tokens() -> None:
    one = GateQuality("a", 4, 2, tokens=10, same_sets=9, same_choices=19, float_load=(), int_load=())
    two = GateQuality("b", 4, 1, tokens=90, same_sets=45, same_choices=45, float_load=(), int_load=())
    found = replace(EMPTY, gates=(one, two))
    assert one.agreement == 0.9
    assert one.choice_agreement == 0.95
    assert found.gate_agreement == 54 / 100
    assert found.choice_agreement == 64 / 110


def test_no_gates_no_agreement() -> None:
    assert (EMPTY.gate_agreement, EMPTY.choice_agreement) == (None, None)
