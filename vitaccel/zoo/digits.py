"""Handwritten digits for the trained models: the scans that scikit-learn ships, split once and for all.

The data are the 1797 test images of the UCI set *Optical Recognition of Handwritten Digits* (Alpaydin and Kaynak, 1998,
CC BY 4.0): 8 x 8 scans with grey levels 0 to 16, ten classes. Who wrote which digit is not recorded, so a writer may
have digits in the training and in the test images. Needs scikit-learn, not PyTorch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitaccel.errors import VitaccelError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = ("training", "calibration", "test")
"""``calibration`` is a part of ``training``; ``test`` has no image in common with either."""

CLASSES = 10
TEST_PER_CLASS = 45
CALIBRATION_PER_CLASS = 20

SCAN_SIDE = 8
GREY_LEVELS = 16
"""The darkest value of a scan; 0 is paper."""

IMAGE_SIDE = 2 * SCAN_SIDE


@dataclass(frozen=True)
class LabelledImages:
    """Images in the input shape of the ``-digits`` models, and what they show.

    Parameters
    ----------
    images
        float32 ``(n, 1, 16, 16)`` from -1 (paper) to 1 (ink).
    labels
        int64 ``(n,)`` from 0 to 9.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise VitaccelError(f"images must have a label each, not {len(self.labels)} for {len(self.images)}")

    def __len__(self) -> int:
        return len(self.labels)


def load_split(part: str) -> LabelledImages:
    """Return one part of the digits as a ``-digits`` model takes them.

    The same 1347 training, 200 calibration and 450 test images on every machine and every call: each class gives 45
    images to the test and 20 of its training images to the calibration, in the order of a hash of the image's number.

    Parameters
    ----------
    part
        ``training``, ``calibration`` (within training) or ``test``.

    Raises
    ------
    VitaccelError
        The part is unknown, or scikit-learn is missing.
    """
    scans, labels = load_scans(part)
    return LabelledImages(prepare(scans), labels)


def load_scans(part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return one part of the digits as scanned: uint8 ``(n, 8, 8)`` from 0 to 16, and int64 labels ``(n,)``.

    Raises
    ------
    VitaccelError
        The part is unknown, or scikit-learn is missing.
    """
    if part not in PARTS:
        raise VitaccelError(
            f"part of the digits must be one of {', '.join(PARTS)}, not {part!r}{did_you_mean(part, PARTS)}"
        )
    scans, labels = _all_scans()
    chosen = split_indices(labels)[part]
    return scans[chosen], labels[chosen]


def split_indices(labels: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return the ascending image numbers of each part, with equally many of each class in ``calibration`` and ``test``.

    Parameters
    ----------
    labels
        ``(n,)`` from 0 to 9, more than 65 of each.
    """
    order = np.array(sorted(range(len(labels)), key=_hash), dtype=np.int64)
    parts: dict[str, list[NDArray[np.int64]]] = {part: [] for part in PARTS}
    for digit in range(CLASSES):
        members = order[labels[order] == digit]
        test, training = members[:TEST_PER_CLASS], members[TEST_PER_CLASS:]
        parts["test"].append(test)
        parts["training"].append(training)
        parts["calibration"].append(training[:CALIBRATION_PER_CLASS])
    return {part: np.sort(np.concatenate(chunks)) for part, chunks in parts.items()}


def prepare(scans: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return scans ``(n, 8, 8)`` as images ``(n, 1, 16, 16)``: twice the side, grey levels from -1 to 1.

    Bilinear between the centres of the scan's pixels, with paper around it; every result is a multiple of 1/128, so
    float32 and any order of summation give the same numbers.
    """
    twice = _doubling()
    larger = twice @ (scans.astype(np.float32) / GREY_LEVELS) @ twice.T
    return (2 * larger - 1)[:, np.newaxis].astype(np.float32)


def _doubling() -> NDArray[np.float32]:
    """Return the ``(16, 8)`` matrix of one axis: 3/4 of the nearer pixel and 1/4 of the next."""
    matrix = np.zeros((IMAGE_SIDE, SCAN_SIDE + 2), dtype=np.float32)
    for i in range(IMAGE_SIDE):
        near = i // 2 + 1
        matrix[i, near] = 0.75
        matrix[i, near + (1 if i % 2 else -1)] = 0.25
    return matrix[:, 1:-1]


def _hash(index: int) -> bytes:
    return hashlib.sha256(f"digits/{index}".encode()).digest()


def _all_scans() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "sklearn":
            raise
        raise VitaccelError(
            "the handwritten digits need scikit-learn: install it with pip install 'vitaccel[evaluate]'"
        ) from error
    found = load_digits()
    return found.images.astype(np.uint8), found.target.astype(np.int64)
