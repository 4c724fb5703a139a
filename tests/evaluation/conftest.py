"""Models in both forms: micro ones with random weights, and the trained ones, evaluated once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from vitaccel.arch import load_preset
from vitaccel.evaluation.data import EvaluationData, random_data
from vitaccel.evaluation.evaluate import evaluate_model
from vitaccel.evaluation.result import Evaluation
from vitaccel.evaluation.subject import Pairing, Subject, digits_data, integer_models
from vitaccel.frontend import ImportedModel
from vitaccel.quantization import QuantizationOptions

MICRO: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("vit-micro", {}),
    "vit-batch": ("vit-micro", {"batch": 3}),
    "lookupvit": ("lookupvit-micro", {}),
    "m3vit": ("m3vit-micro", {}),
    "m3vit-task": ("m3vit-micro", {"task_input": True}),
    "vmoe": ("vmoe-micro", {}),
}
"""Micro models by a short name: zoo name and options."""

CALIBRATION = 4
"""Images that the micro models are calibrated on."""

Made = tuple[Subject, Pairing]


def make(subject: Subject, calibration: EvaluationData, *, mode: str = "f6-u8", weight_bits: int = 8) -> Pairing:
    """Quantize and compile."""
    options = QuantizationOptions(weight_bits=weight_bits)
    ((_, pairing),) = integer_models(
        subject, load_preset("default"), [mode], calibration=calibration, options=options, progress=lambda _text: None
    )
    return pairing


@pytest.fixture(scope="session")
def micro(imported: Callable[..., ImportedModel]) -> Callable[[str], Made]:
    """Return ``micro(short name)``: a micro model and its pair of networks."""

    @cache
    def build(short: str) -> Made:
        name, options = MICRO[short]
        subject = Subject(short, imported(name, **options).graph)
        return subject, make(subject, random_data(subject.graph, CALIBRATION, seed=0, purpose="calibration"))

    return build


@pytest.fixture(scope="session")
def digits(imported: Callable[..., ImportedModel]) -> Callable[..., Evaluation]:
    """Return ``digits(name, weight_bits)``: a trained model evaluated on the whole test split."""

    @cache
    def run(name: str, weight_bits: int = 8) -> Evaluation:
        subject = Subject(name, imported(name).graph, digits=True)
        pairing = make(subject, digits_data(subject, "calibration"), weight_bits=weight_bits)
        return evaluate_model(pairing.reference, pairing.model, digits_data(subject, "test"), record=pairing.record)

    return run


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
