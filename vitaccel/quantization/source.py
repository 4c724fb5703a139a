"""Where calibration images come from: a file, the handwritten digits, or seeded noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph
from vitaccel.quantization.calibration import check_calibration, image_inputs, load_calibration
from vitaccel.quantization.synthetic import synthetic_images

DIGITS = "digits"
RANDOM = "random"
FILE = "file"


@dataclass(frozen=True)
class Calibration:
    """Checked calibration images, and where they are from: ``file``, ``digits`` or ``random``."""

    images: Mapping[str, np.ndarray]
    source: str


def calibration_for(graph: Graph, given: str | None, *, model: str, digits: bool = False) -> Calibration:
    """Read or make calibration images.

    Parameters
    ----------
    graph
        The model.
    given
        A ``.npz`` or ``.npy`` file, ``digits`` for the calibration part of the handwritten digits, ``random`` for
        synthetic images; ``None`` means the digits for a model that was trained on them, and is refused for others.
    model
        The model as its user calls it, for error messages.
    digits
        Whether it was trained on the handwritten digits.

    Raises
    ------
    VitaccelError
        If nothing is given for another model, or the images do not fit.
    """
    if given is None and not digits:
        raise VitaccelError(
            f"--calibration must be given for {model}: a .npz or .npy file of images as the model takes them, or "
            f"{RANDOM} for synthetic ones"
        )
    if given in (None, DIGITS):
        return _digits(graph)
    if given == RANDOM:
        return _random(graph)
    assert given is not None
    return Calibration(load_calibration(Path(given), graph), FILE)


def default_calibration(graph: Graph, *, digits: bool = False) -> Calibration:
    """Calibration images where nobody gives any: the digits for a model trained on them, else synthetic ones."""
    return _digits(graph) if digits else _random(graph)


def _digits(graph: Graph) -> Calibration:
    from vitaccel.zoo.digits import load_split

    images = load_split("calibration").images
    arrays = synthetic_images(graph, count=len(images))  # an index, if there is one, takes turns
    return Calibration(check_calibration(graph, arrays | dict.fromkeys(image_inputs(graph), images)), DIGITS)


def _random(graph: Graph) -> Calibration:
    return Calibration(check_calibration(graph, synthetic_images(graph)), RANDOM)
