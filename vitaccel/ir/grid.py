"""Where the numbers of a constant lie: integers times steps, kept beside the array while a frontend moves it about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A constant of ``integers * steps``, element by element.

    Parameters
    ----------
    steps
        What one integer step of each element is worth, float32, in a shape that broadcasts to the constant's.
    bits
        Width of the integers, signed.
    """

    steps: np.ndarray
    bits: int

    def __post_init__(self) -> None:
        if self.bits not in (4, 8, 16, 32):
            raise ValueError(f"bits must be 4, 8, 16 or 32, not {self.bits}")

    def through(
        self, before: tuple[int, ...], after: tuple[int, ...], make: Callable[[np.ndarray], np.ndarray]
    ) -> Grid | None:
        """The grid of a constant made from this one.

        Parameters
        ----------
        before, after
            Shape of this constant, and of the one made from it.
        make
            What was done to the array: it moves, repeats, leaves out or scales elements. Anything else gives steps that
            :func:`vitaccel.frontend.settle.settle_constants` finds wrong.

        Returns
        -------
        Grid or None
            None when the steps no longer fit the new shape.
        """
        with np.errstate(all="ignore"):
            moved = compressed(np.asarray(make(np.broadcast_to(self.steps, before))))
        if moved.ndim > len(after):
            return None
        fits = all(m in (1, a) for m, a in zip(moved.shape[::-1], after[::-1], strict=False))
        return Grid(moved.astype(np.float32, copy=False), self.bits) if fits else None


def compressed(array: np.ndarray) -> np.ndarray:
    """An array with every axis along which it only repeats cut to size 1; it broadcasts to the same."""
    for axis in range(array.ndim):
        first = array.take([0], axis=axis) if array.shape[axis] else array
        if array.shape[axis] > 1 and (array.strides[axis] == 0 or bool((array == first).all())):
            array = first
    return array
