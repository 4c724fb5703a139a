"""Logits of both networks: accuracy against labels, agreement of the largest class, and noise."""

from __future__ import annotations

import numpy as np

from vitaccel.evaluation.noise import NoiseSums
from vitaccel.evaluation.result import ImageGroup


class LogitSums:
    """Counts over the logits of any number of images."""

    def __init__(self) -> None:
        self.sums = NoiseSums()
        self.images = self.rows = self.agreed = 0
        self.labelled = self.float_right = self.int_right = 0

    def add(self, truth: np.ndarray, found: np.ndarray, labels: np.ndarray | None = None) -> None:
        """Count images.

        Parameters
        ----------
        truth, found
            Logits of the float and of the integer network, ``[images, ..., classes]``, or ``[images, classes, height,
            width]``. The first of equal logits is the largest.
        labels
            Class of each image, for logits ``[images, classes]``.
        """
        if not len(truth):
            return
        self.sums.add(truth, found)
        classes = 1 if truth.ndim == 4 else -1
        top_truth, top_found = truth.argmax(classes), found.argmax(classes)
        self.images += len(truth)
        self.rows += top_truth.size
        self.agreed += int((top_truth == top_found).sum())
        if labels is not None:
            self.labelled += len(labels)
            self.float_right += int((top_truth == labels).sum())
            self.int_right += int((top_found == labels).sum())

    @property
    def agreement(self) -> float:
        """Share of rows with the same largest class."""
        return self.agreed / self.rows

    @property
    def float_top1(self) -> float | None:
        """Share of labelled images that the float network gets right; ``None`` without labels."""
        return self.float_right / self.labelled if self.labelled else None

    @property
    def int_top1(self) -> float | None:
        """Share of labelled images that the integer network gets right; ``None`` without labels."""
        return self.int_right / self.labelled if self.labelled else None

    @property
    def group(self) -> ImageGroup:
        """The images as a group."""
        if not self.images:
            return ImageGroup(0, None, None)
        return ImageGroup(self.images, self.agreement, self.sums.sqnr_db)
