from __future__ import annotations

import numpy as np
import pytest

from vitaccel.evaluation.agreement import LogitSums
from vitaccel.evaluation.result import ImageGroup


def test_accuracy_and_agreement_image_by_image(rng: np.random.Generator) -> None:
    truth, found = rng.normal(size=(2, 40, 5))
    labels = rng.integers(0, 5, 40)
    sums = LogitSums()
    for part in (slice(0, 13), slice(13, 40)):
        sums.add(truth[part], found[part], labels[part])
    right = [[row.tolist().index(max(row)) == label for row, label in zip(each, labels, strict=True)]
             for each in (truth, found)]  # fmt: skip
    assert sums.float_top1 == sum(right[0]) / 40
    assert sums.int_top1 == sum(right[1]) / 40
    same = sum(a.tolist().index(max(a)) == b.tolist().index(max(b)) for a, b in zip(truth, found, strict=True))
    assert sums.agreement == same / 40
    noise = 10 * np.log10((truth**2).sum() / ((truth - found) ** 2).sum())
    assert sums.group == ImageGroup(40, same / 40, pytest.approx(noise))


def test_accuracy_is_not_claimed_without_labels() -> None:
    sums = LogitSums()
    sums.add(np.eye(3), np.eye(3))
    assert (sums.float_top1, sums.int_top1, sums.agreement) == (None, None, 1.0)


def test_pixels_of_a_map_are_rows() -> None:
    truth = np.zeros((1, 2, 2, 2))
    truth[0, 1, 0, 0] = 1
    found = np.zeros((1, 2, 2, 2))
    sums = LogitSums()
    sums.add(truth, found)
    assert (sums.images, sums.agreement) == (1, 0.75)


def test_the_first_of_equal_logits_wins() -> None:
    sums = LogitSums()
    sums.add(np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]]), np.array([0]))
    assert (sums.float_top1, sums.int_top1) == (1.0, 1.0)


def test_no_images_are_no_group() -> None:
    sums = LogitSums()
    sums.add(np.zeros((0, 3)), np.zeros((0, 3)))
    assert sums.group == ImageGroup(0, None, None)
