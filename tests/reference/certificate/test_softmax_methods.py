"""The softmaxes of the comparison: their ports, their order, and what an exact one loses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.reference.alternatives.softermax import Softermax
from vitaccel.reference.certificate.entry import IDEAL, OURS, PUBLISHED
from vitaccel.reference.certificate.rows import Rows, gaussian_rows
from vitaccel.reference.certificate.softmax_methods import (
    ENTRIES,
    FINEST_SCALE,
    PATHS,
    SoftmaxEntry,
    exact,
    published,
    snapped,
)

ROWS = gaussian_rows(33, 2.0, rows=5)


def test_snapped_logits_are_those_of_int8_codes() -> None:
    once = snapped(ROWS)
    codes, scale = ROWS.int8()
    np.testing.assert_array_equal(once.logits, codes * scale)
    again, same = once.int8()
    np.testing.assert_array_equal(again, codes)
    assert same == pytest.approx(scale, rel=1e-12)
    assert once.values is ROWS.values


def test_rounding_loses_half_a_step() -> None:
    for bits in (8, 16):
        wrong = np.abs(exact(bits).probabilities(ROWS) - ROWS.truth).max()
        assert 0.3 * 2.0**-bits < wrong <= 0.5 * 2.0**-bits


def test_a_published_method_gets_codes_of_its_own_port() -> None:
    seen: dict[str, float] = {}

    def make(scale: float, largest: float) -> Softermax:
        seen.update(scale=scale, largest=largest)
        return Softermax()

    far = Rows(np.array([[0.0, 30.0, -30.0]]), np.ones((3, 1)))
    got = published("x", 8, make).probabilities(far)
    codes = torch.tensor([[0, 127, -128]])  # 30 octaves and more are clipped to 32
    np.testing.assert_array_equal(got, Softermax().compute(codes).numpy() / 128)
    assert seen == {"scale": pytest.approx(30 / 127), "largest": 30.0}
    step = Softermax().logit_scale
    near = Rows(np.array([[0.0, 3.6 * step, -3.6 * step, 0.5 * step]]), np.ones((4, 1)))
    codes = torch.tensor([[0, 4, -4, 1]])  # to the nearest code of the port, ties up
    np.testing.assert_array_equal(published("x", 8, make).probabilities(near), Softermax().compute(codes).numpy() / 128)


@pytest.mark.parametrize("entry", [*ENTRIES, *PATHS], ids=lambda entry: f"{entry.name}, {entry.output_bits}")
@pytest.mark.parametrize("logits", [np.zeros((2, 5)), np.array([[1e-9, -1e-9]]), np.array([[90.0, -90.0, 0.0]])])
def test_every_method_takes_rows_without_range_and_rows_of_a_huge_one(
    entry: SoftmaxEntry, logits: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    got = entry.probabilities(Rows(logits, np.ones((logits.shape[1], 1))))
    assert got.shape == logits.shape
    assert np.isfinite(got).all()
    assert got.max() > 0.09
    assert got.min() >= 0


def test_the_tables_hold_every_kind_once() -> None:
    for entries in (ENTRIES, PATHS):
        names = [(entry.name, entry.output_bits) for entry in entries]
        assert len(set(names)) == len(names)
    assert {entry.kind for entry in ENTRIES} == {IDEAL, PUBLISHED, OURS}
    assert all(entry.fraction_bits in (6, 8) for entry in ENTRIES if entry.kind == OURS)
    assert all(entry.fraction_bits == 0 for entry in PATHS if entry.name.startswith("int8"))
    assert FINEST_SCALE > 0
