"""Recorded logits become sets of rows, or one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.errors import NumericsError
from vitaccel.reference.certificate.recorded import recorded_rows


def test_an_array_is_a_set_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = {"a": rng.normal(0, 1, (2, 3, 5, 7)).astype(np.float32), "b": rng.integers(-3, 4, 9)}
    a, b = recorded_rows(layers)
    np.testing.assert_array_equal(a.logits, layers["a"].reshape(30, 7))
    np.testing.assert_array_equal(b.logits, [layers["b"]])
    assert a.values.shape == (7, 64)
    np.testing.assert_array_equal(a.values, recorded_rows({"x": layers["a"]})[0].values)


def test_of_many_rows_some_are_taken_evenly() -> None:
    (rows,) = recorded_rows({"a": np.arange(30.0).reshape(10, 3)}, rows=4)
    np.testing.assert_array_equal(rows.logits[:, 0], [0, 9, 18, 27])
    assert len(recorded_rows({"a": np.zeros((999, 2))})[0].logits) == 400


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 0)), "recorded logits 'x' must be real numbers [..., keys], not float64 2x0"),
        (np.array(1.0), "recorded logits 'x' must be real numbers [..., keys], not float64 scalar"),
        (np.zeros((2, 3), bool), "recorded logits 'x' must be real numbers [..., keys], not bool 2x3"),
        (np.zeros((1, 4097)), "recorded logits 'x' must have at most 4096 keys, not 4097"),
        (np.array([[0.0, np.nan]]), "recorded logits 'x' must be finite, not NaN or infinite"),
        (np.array([[0.0, -np.inf]]), "recorded logits 'x' must be finite, not NaN or infinite"),
    ],
)
def test_what_is_no_logits_is_refused(array: np.ndarray[Any, Any], sentence: str) -> None:
    with pytest.raises(NumericsError) as error:
        recorded_rows({"x": array})
    assert str(error.value) == sentence
    with pytest.raises(NumericsError, match="must be at least one array"):
        recorded_rows({})
