from __future__ import annotations

import numpy as np
import pytest

from vitaccel.ir.grid import Grid, compressed


def test_steps_move_as_the_numbers_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    integers, steps = rng.integers(-9, 9, (6, 4)), rng.uniform(1, 2, (6, 1)).astype(np.float32)
    for make in (lambda a: a.T, lambda a: a[2:5], lambda a: a.reshape(2, 3, 4).transpose(0, 2, 1), lambda a: a * 3):
        made = make((integers * steps).astype(np.float32))
        moved = Grid(steps, 8).through((6, 4), made.shape, make)
        assert moved is not None
        assert moved.bits == 8
        numbers = made / moved.steps
        assert np.abs(numbers - np.rint(numbers)).max() < 1e-5
    assert moved.steps.shape == (6, 1)


def test_steps_that_no_longer_fit_are_given_up() -> None:
    assert Grid(np.ones((3, 2), np.float32) * np.arange(1, 4)[:, None], 8).through((3, 2), (1, 2), lambda a: a) is None
    assert Grid(np.ones((1,), np.float32), 8).through((2,), (2, 2), lambda a: a).steps.shape == (1,)  # type: ignore[union-attr]


def test_compressed_broadcasts_to_the_same(seed: int) -> None:
    array = np.broadcast_to(np.random.default_rng(seed).random((3, 1)), (2, 3, 4))
    assert compressed(array).shape == (1, 3, 1)
    assert np.array_equal(np.broadcast_to(compressed(array), (2, 3, 4)), array)


def test_widths_are_those_of_integers() -> None:
    with pytest.raises(ValueError, match=r"^bits must be 4, 8, 16 or 32, not 7$"):
        Grid(np.ones(1, np.float32), 7)
