"""What generators of networks begin with: the quantized model as a file, and golden images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.sim.delivery.network.micro import NAME, onnx
from vitaccel import zoo
from vitaccel.cli.quantized_source import golden_images, note_calibration, quantized_model
from vitaccel.evaluation.subject import load_subject


def test_a_quantized_file_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.onnx"
    path.write_bytes(onnx())
    steps: list[str] = []
    made, subject, calibration = quantized_model(str(path), steps.append)
    assert (subject.name, calibration) == (NAME, None)
    again, _, _ = quantized_model(str(path), steps.append)
    assert made == again


def test_a_float_model_is_quantized_on_noise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = zoo.export("vit-micro", tmp_path / "float.onnx", exporter="legacy", depth=1)
    made, subject, calibration = quantized_model(str(path), lambda _: None)
    assert calibration == "random"
    assert not subject.quantized
    (tmp_path / "made.onnx").write_bytes(made)
    assert load_subject(str(tmp_path / "made.onnx")).quantized
    note_calibration(str(path), "random")
    assert capfd.readouterr().err == (
        f"note: {path} is a float model; it was quantized with default calibration, on seeded noise\n"
    )


def test_golden_images_are_seeded_noise_or_a_user_s(tmp_path: Path, seed: int) -> None:
    path = tmp_path / f"{NAME}.onnx"
    path.write_bytes(onnx())
    subject = load_subject(str(path))
    first = golden_images(subject.graph, subject, None, None)
    (name,) = first
    assert first[name].shape == (4, 3, 20, 28)
    np.testing.assert_array_equal(golden_images(subject.graph, subject, None, 2)[name], first[name][:2])
    given = np.random.default_rng(seed).standard_normal((3, 3, 20, 28)).astype(np.float32)
    np.savez(tmp_path / "images.npz", images=given)
    found = golden_images(subject.graph, subject, tmp_path / "images.npz", 2)
    np.testing.assert_array_equal(found[name], given[:2])
