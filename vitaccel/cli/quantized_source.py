"""What a generator of a network begins with: the quantized model as a file, and golden images for it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vitaccel.cli.terminal import Progress, note

if TYPE_CHECKING:
    import numpy as np

    from vitaccel.evaluation.subject import Subject
    from vitaccel.ir.graph import Graph

IMAGES = 4
"""Golden images unless another number is asked for."""

GOLDEN_SEED = 0
"""Of golden images where there are no others."""


def quantized_model(model: str, say: Progress) -> tuple[bytes, Subject, str | None]:
    """Return the quantized model as a file, what was loaded, and of a float model what it was calibrated on.

    Parameters
    ----------
    model
        A ``.onnx`` file, in float or quantized, or a name of the zoo.
    say
        Called with the name of each step.

    Raises
    ------
    VitaccelError
        If the model is refused.
    """
    import onnx

    from vitaccel.backends.onnx_qdq import save
    from vitaccel.compiler import quantize_model
    from vitaccel.evaluation.subject import load_subject
    from vitaccel.quantization.source import default_calibration

    subject = load_subject(model, progress=say)
    if subject.quantized:
        # Weights that stand in files of their own come along.
        return onnx.load(model).SerializeToString(deterministic=True), subject, None
    calibration = default_calibration(subject.graph, digits=subject.digits)
    done = quantize_model(subject.graph, calibration, progress=say)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save(done.graph, path, quantization=done.choices.to_json())
        return path.read_bytes(), subject, calibration.source


def note_calibration(model: str, calibration: str) -> None:
    """Say on what a float model was calibrated."""
    source = {"digits": "handwritten digits", "random": "seeded noise"}[calibration]
    note(f"note: {model} is a float model; it was quantized with default calibration, on {source}")


def golden_images(graph: Graph, subject: Subject, inputs: Path | None, count: int | None) -> dict[str, np.ndarray]:
    """Return golden images: of a file, of the digits of a model that was trained on them, or seeded noise.

    Parameters
    ----------
    graph, subject
        The quantized model, and what it was loaded as.
    inputs
        The file, if there is one.
    count
        How many; :data:`IMAGES` unless stated.

    Raises
    ------
    VitaccelError
        If the file is not of this model.
    """
    from vitaccel.evaluation.data import random_data, read_data
    from vitaccel.evaluation.subject import digits_data

    count = count or IMAGES
    if inputs is not None:
        return dict(read_data(graph, inputs).first(count).inputs)
    if subject.digits:
        return dict(digits_data(subject, "test").first(count).inputs)
    return dict(random_data(graph, count, seed=GOLDEN_SEED, purpose="golden").inputs)
