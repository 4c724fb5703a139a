"""Softermax against a key-by-key transcription in Python's integers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.softermax import Softermax


def one_row(logits: Sequence[int], slice_keys: int) -> list[int]:
    """The steps for one row; the reciprocal as a real chord between the rounded ends, rounded half up."""
    octave = [round(2 ** (15 + at / 4)) for at in range(4)]
    running, total, numerators = -128, 0, []
    for start in range(0, len(logits), slice_keys):
        part = logits[start : start + slice_keys]
        new = max([running, *(ceil(y / 4) for y in part)])
        e = [octave[y % 4] >> (new - y // 4) for y in part]
        total = min((total >> (new - running)) + (sum(e) >> 9), 65535)
        numerators += [(value, new) for value in e]
        running = new
    total = max(total, 1)
    place = total.bit_length() - 1
    segment, t = divmod((total / 2**place - 1) * 8, 1)
    low, high = (round(2**15 / (1 + (segment + at) / 8)) for at in (0, 1))
    r = floor((low + (high - low) * t) / 256 + 0.5)
    return [floor((value >> (running - m)) * r / 2 ** (9 + place)) for value, m in numerators]


@pytest.mark.parametrize("slice_keys", [1, 16, 64])
def test_it_is_the_sequence_of_steps(int8_rows: NDArray[np.int64], slice_keys: int) -> None:
    got = without_float(Softermax(slice_keys).compute, torch.from_numpy(int8_rows))
    assert got.tolist() == [one_row(row.tolist(), slice_keys) for row in int8_rows]


def test_extremes() -> None:
    spec = Softermax()
    assert spec.compute(torch.tensor([[-128, 124, -128]])).tolist() == [[0, 128, 0]]  # 124 is a whole octave
    assert spec.compute(torch.full((1, 4), -128)).tolist() == [[32] * 4]
    # 577 equal logits: 1/577 is less than one unit of Q1.7, and nothing is left.
    assert int(spec.compute(torch.zeros(1, 577, dtype=torch.int64)).sum()) == 0


def test_a_slice_needs_a_key() -> None:
    with pytest.raises(NumericsError, match="a slice of Softermax must have at least 1 key, not 0"):
        Softermax(0)
