from __future__ import annotations

from typing import Any

import pytest

from vitaccel.ir.ops import ACTIVATIONS, Activation, Add, LayerNorm, Mean, Mul, Softmax


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_activation_is_its_function(agrees: Any, kind: str) -> None:
    agrees(Activation(kind), (2, 64, 33))


def test_the_rest_of_the_lanes(agrees: Any, weight: Any) -> None:
    assert agrees(LayerNorm(1e-3), (2, 5, 6), weight(6), weight(6)) == ["LayerNormalization"]
    assert agrees(Add(), (1, 5, 6), (1, 5, 6)) == ["Add"]
    assert agrees(Mul(), (1, 5, 6), weight(6)) == ["Mul"]
    assert agrees(Softmax(), (1, 5, 6)) == ["Softmax"]
    assert agrees(Mean(), (2, 5, 6)) == ["ReduceMean"]
