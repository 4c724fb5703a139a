"""Views beside index arithmetic; every result must be exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.errors import VitaccelError
from vitaccel.ir import ops

Run = Callable[..., np.ndarray]


def test_to_tokens_and_back(run_op: Run, draw: Run) -> None:
    x = draw(2, 3, 4, 5)
    tokens = run_op(ops.ToTokens(), x)
    assert tokens.shape == (2, 20, 3)
    for b, c, row, column in np.ndindex(x.shape):
        assert tokens[b, row * 5 + column, c] == x[b, c, row, column]
    np.testing.assert_array_equal(run_op(ops.FromTokens(4, 5), tokens), x)


def test_reshape_is_row_major(run_op: Run, draw: Run) -> None:
    x = draw(2, 3, 4)
    np.testing.assert_array_equal(run_op(ops.Reshape((4, 6)), x).ravel(), x.ravel())


def test_transpose_moves_axes(run_op: Run, draw: Run) -> None:
    x = draw(2, 3, 4)
    result = run_op(ops.Transpose((2, 0, 1)), x)
    for i, j, k in np.ndindex(x.shape):
        assert result[k, i, j] == x[i, j, k]


def test_slice_stops_before_its_end(run_op: Run, draw: Run) -> None:
    x = draw(2, 6, 4)
    np.testing.assert_array_equal(
        run_op(ops.Slice(axis=1, start=2, stop=5), x), np.stack([x[:, i] for i in (2, 3, 4)], 1)
    )


def test_concat_keeps_operand_order(run_op: Run, draw: Run) -> None:
    a, b = draw(2, 1, 4), draw(2, 3, 4)
    result = run_op(ops.Concat(axis=1), a, b)
    np.testing.assert_array_equal(result[:, :1], a)
    np.testing.assert_array_equal(result[:, 1:], b)


def test_broadcast_repeats(run_op: Run, draw: Run) -> None:
    x = draw(1, 3)
    np.testing.assert_array_equal(run_op(ops.Broadcast((2, 4, 3)), x), np.tile(x, (2, 4, 1)))


@pytest.mark.parametrize("index", [np.array(2), np.array([2])])
def test_select_takes_one_row(run_op: Run, draw: Run, index: np.ndarray) -> None:
    table = draw(3, 4, 5)
    np.testing.assert_array_equal(run_op(ops.Select(), table, index), table[2])


@pytest.mark.parametrize("index", [-1, 3])
def test_select_refuses_a_row_that_is_not_there(run_op: Run, draw: Run, index: int) -> None:
    with pytest.raises(VitaccelError, match=f"a selected row must be 0 to 2, not {index}"):
        run_op(ops.Select(), draw(3, 4), np.array(index))


def test_views_keep_integers(run_op: Run) -> None:
    assert run_op(ops.Reshape((1,)), np.array([[2]])).dtype == np.int64
