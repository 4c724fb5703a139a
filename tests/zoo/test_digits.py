import sys

import numpy as np
import pytest

from vitaccel.errors import VitaccelError
from vitaccel.zoo import digits
from vitaccel.zoo.digits import LabelledImages, load_scans, load_split, prepare, split_indices


@pytest.fixture(scope="module")
def parts():
    from sklearn.datasets import load_digits

    return split_indices(load_digits().target)


def test_the_test_images_are_never_trained_or_calibrated_on(parts):
    assert {part: len(numbers) for part, numbers in parts.items()} == {
        "training": 1347, "calibration": 200, "test": 450,
    }  # fmt: skip
    assert set(parts["calibration"]) <= set(parts["training"])
    assert not set(parts["test"]) & set(parts["training"])
    assert sorted([*parts["test"], *parts["training"]]) == list(range(1797))


def test_no_test_scan_is_a_training_scan_under_another_number():
    training = {scan.tobytes() for scan in load_scans("training")[0]}
    assert not any(scan.tobytes() in training for scan in load_scans("test")[0])


def test_every_class_has_its_share():
    assert np.bincount(load_split("test").labels).tolist() == [45] * 10
    assert np.bincount(load_split("calibration").labels).tolist() == [20] * 10
    assert np.bincount(load_split("training").labels).min() >= 129


def test_the_split_is_the_one_the_checkpoints_were_trained_on(parts):
    assert parts["test"][:8].tolist() == [0, 1, 2, 4, 5, 8, 10, 14]
    assert parts["calibration"][:8].tolist() == [7, 11, 24, 25, 27, 29, 36, 47]
    assert [int(numbers.sum()) for numbers in parts.values()] == [1226421, 177438, 387285]


def test_images_fit_the_models_and_labels_their_images():
    for part in digits.PARTS:
        found = load_split(part)
        scans, labels = load_scans(part)
        assert found.images.shape == (len(found), 1, 16, 16)
        assert (found.images.dtype, found.labels.dtype, scans.dtype) == (np.float32, np.int64, np.uint8)
        assert (found.images.min(), scans.min(), scans.max()) == (-1, 0, 16)
        assert 0.9 < found.images.max() <= 1
        np.testing.assert_array_equal(found.images, prepare(scans))
        np.testing.assert_array_equal(found.labels, labels)


def test_a_scan_is_enlarged_between_the_centres_of_its_pixels(seed):
    scans = np.random.default_rng(seed).integers(0, 17, (3, 8, 8)).astype(np.uint8)
    paper = np.pad(scans.astype(np.float64) / 16, ((0, 0), (1, 1), (1, 1)))
    images = prepare(scans)[:, 0]
    for row, column in ((0, 0), (0, 5), (7, 8), (15, 15), (4, 15)):
        places = [(row + 0.5) / 2 + 0.5, (column + 0.5) / 2 + 0.5]
        low = [int(place) for place in places]
        (below, right) = (place - at for place, at in zip(places, low, strict=True))
        corner = paper[:, low[0] : low[0] + 2, low[1] : low[1] + 2]
        grey = np.einsum("nij,i,j->n", corner, [1 - below, below], [1 - right, right])
        np.testing.assert_array_equal(images[:, row, column], 2 * grey - 1)
    np.testing.assert_array_equal(images * 128, np.round(images * 128))


def test_another_part_is_refused():
    with pytest.raises(VitaccelError, match=r"must be one of training, calibration, test, not 'tests' \(did you mean"):
        load_split("tests")


def test_every_image_needs_a_label():
    with pytest.raises(VitaccelError, match="must have a label each, not 2 for 3"):
        LabelledImages(np.zeros((3, 1, 16, 16), np.float32), np.zeros(2, np.int64))


def test_without_scikit_learn_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(VitaccelError, match=r"need scikit-learn: install it with pip install 'vitaccel\[evaluate\]'$"):
        load_split("test")
