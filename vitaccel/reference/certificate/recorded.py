"""Attention logits recorded from a trained network, as rows that every softmax is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitaccel.errors import NumericsError
from vitaccel.reference.certificate.rows import ROWS, VALUE_DIM, Rows
from vitaccel.reference.softmax import LONGEST_ROW


def recorded_rows(arrays: Mapping[str, NDArray[Any]], *, rows: int = ROWS, seed: int = 0) -> tuple[Rows, ...]:
    """Return one set of rows for each array, with standard Gaussian values as the V of all of them.

    Parameters
    ----------
    arrays
        Logits of base e, scaled (the argument of softmax), real numbers ``[..., keys]``, by name: one array a layer, or
        a head, which share one int8 scale.
    rows
        Most rows of an array; of more, so many are taken, evenly spaced.
    seed
        Of the values.

    Raises
    ------
    NumericsError
        If there is no array, or one is empty, not real, not finite or has more than 4096 keys.
    """
    if not arrays:
        raise NumericsError("recorded logits must be at least one array, not none")
    return tuple(_set_of_rows(name, array, rows, seed) for name, array in arrays.items())


def _set_of_rows(name: str, array: NDArray[Any], most: int, seed: int) -> Rows:
    if array.dtype.kind not in "fiu" or array.ndim < 1 or not array.size:
        shape = "x".join(map(str, array.shape)) or "scalar"
        raise NumericsError(f"recorded logits {name!r} must be real numbers [..., keys], not {array.dtype} {shape}")
    keys = array.shape[-1]
    if keys > LONGEST_ROW:
        raise NumericsError(f"recorded logits {name!r} must have at most {LONGEST_ROW} keys, not {keys}")
    logits = array.reshape(-1, keys)
    taken = np.unique(np.linspace(0, len(logits) - 1, min(most, len(logits))).astype(np.int64))
    chosen = logits[taken].astype(np.float64)
    if not np.isfinite(chosen).all():
        raise NumericsError(f"recorded logits {name!r} must be finite, not NaN or infinite")
    return Rows(chosen, np.random.default_rng([seed, keys]).normal(0.0, 1.0, (keys, VALUE_DIM)))
