from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vitaccel.errors import VitaccelError
from vitaccel.frontend import ImportedModel
from vitaccel.quantization.source import calibration_for, default_calibration
from vitaccel.quantization.synthetic import IMAGES, synthetic_images
from vitaccel.zoo.digits import load_split

Imported = Callable[..., ImportedModel]


def test_a_file_is_read(imported: Imported, tmp_path: Path, seed: int) -> None:
    graph = imported("vit-micro").graph
    images = np.random.default_rng(seed).standard_normal((4, *graph["image"].type.static_shape[1:]))
    np.savez(tmp_path / "c.npz", anything=images)
    found = calibration_for(graph, str(tmp_path / "c.npz"), model="vit-micro")
    assert found.source == "file"
    np.testing.assert_array_equal(found.images["image"], images.astype(np.float32))


def test_a_digits_model_has_its_own_images(imported: Imported) -> None:
    graph = imported("vit-digits").graph
    own = load_split("calibration").images
    for found in (
        calibration_for(graph, None, model="vit-digits", digits=True),
        calibration_for(graph, "digits", model="renamed.onnx"),
        default_calibration(graph, digits=True),
    ):
        assert found.source == "digits"
        np.testing.assert_array_equal(found.images["image"], own)


def test_others_need_to_be_told(imported: Imported) -> None:
    graph = imported("vit-micro").graph
    with pytest.raises(VitaccelError, match=r"^--calibration must be given for my\.onnx: a \.npz or \.npy file"):
        calibration_for(graph, None, model="my.onnx")
    with pytest.raises(VitaccelError, match=r"must have shape \[images,3,"):
        calibration_for(graph, "digits", model="my.onnx")
    random = calibration_for(graph, "random", model="my.onnx")
    default = default_calibration(graph)
    assert random.source == default.source == "random"
    expected = synthetic_images(graph)["image"]
    assert len(expected) == IMAGES
    for found in (random, default):
        np.testing.assert_array_equal(found.images["image"], expected)
