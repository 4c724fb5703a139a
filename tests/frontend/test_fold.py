from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from vitaccel.errors import ModelError
from vitaccel.frontend.fold import NEVER, evaluate

OPSETS = [helper.make_opsetid("", 18)]
X = np.array([[1.0, 2.0]], np.float32)


def run(op: str, *inputs: np.ndarray, outputs: int = 1, **attributes: object) -> list[np.ndarray] | None:
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], **attributes)
    return evaluate(node, f"{op} node 'n'", inputs, attributes, OPSETS)


def test_hot_operators_and_others_give_arrays_of_the_three_elements() -> None:
    assert run("Add", X, X)[0].tolist() == [[2, 4]]
    assert run("Erf", X)[0].dtype == np.float32
    assert [a.tolist() for a in run("Split", X, outputs=2, axis=1, num_outputs=2)] == [[[1]], [[2]]]
    assert run("Shape", X)[0].dtype == np.int64


@pytest.mark.parametrize("op", sorted(NEVER)[:3])
def test_some_are_never_evaluated(op: str) -> None:
    assert run(op, X) is None


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(
        ModelError, match=r"^Add node 'n' must be computable from its constant inputs, but shape mismatch"
    ):
        run("Add", X, np.zeros((3, 3), np.float32))
    with pytest.raises(ModelError, match=r"^Det node 'n' must be computable"):
        run("Det", X)
    with pytest.raises(ModelError, match=r"^Tile node 'n' must not make a constant of more than \d+ elements$"):
        run("Tile", X, np.array([2**20, 2**20]))


def test_strings_are_no_constants() -> None:
    with pytest.raises(ModelError, match=r"must be computable"):
        run("Cast", X, to=8)
