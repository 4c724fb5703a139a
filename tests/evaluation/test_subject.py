from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from tests.docs.console import run_here
from tests.evaluation.conftest import Made
from vitaccel.arch import Arch, load_preset
from vitaccel.backends.onnx_qdq.file import save
from vitaccel.errors import ModelError, QuantizationError
from vitaccel.evaluation.data import random_data
from vitaccel.evaluation.evaluate import evaluate_model
from vitaccel.evaluation.subject import (
    Subject,
    digits_data,
    integer_models,
    load_subject,
    machine_of_mode,
    own_fraction_bits,
)
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph
from vitaccel.quantization import QuantizationOptions, quantize


def test_a_name_of_the_zoo() -> None:
    subject = load_subject("vit-digits")
    assert (subject.name, subject.digits, subject.quantized) == ("vit-digits", True, False)
    assert len(digits_data(subject, "test")) == 450
    assert digits_data(subject, "calibration").name == "handwritten digits, calibration split"
    assert not load_subject("vit-micro").digits


def test_a_file(exported: Callable[..., Path]) -> None:
    path = exported("vit-digits")
    subject = load_subject(str(path))
    assert (subject.name, subject.digits) == ("vit-digits", False)


def test_neither(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"or a name of the zoo, not 'vit-digit' \(did you mean 'vit-digits'\?\)"):
        load_subject("vit-digit")
    with pytest.raises(ModelError, match="must exist"):
        load_subject(str(tmp_path / "none.onnx"))


def models(subject: Subject, *modes: str, weight_bits: int = 8) -> dict[str, tuple[int, int, int]]:
    calibration = None if subject.quantized else random_data(subject.graph, 2, seed=0, purpose="calibration")
    options = QuantizationOptions(weight_bits=weight_bits)
    pairs = integer_models(
        subject, load_preset("default"), modes, calibration=calibration, options=options, progress=lambda _text: None
    )
    numerics = {mode: pair.model.arch.numerics for mode, pair in pairs}
    return {mode: (n.weight_bits, n.numerator_bits, n.logit_fraction_bits) for mode, n in numerics.items()}


@pytest.mark.parametrize("weight_bits", [8, 4])
def test_every_mode_is_that_of_its_machine(micro: Callable[[str], Made], weight_bits: int) -> None:
    subject = micro("vit")[0]
    found = models(subject, "f6-u8", "f6-u16", "f8-u12", weight_bits=weight_bits)
    assert found == {"f6-u8": (weight_bits, 8, 6), "f6-u16": (weight_bits, 16, 6), "f8-u12": (weight_bits, 12, 8)}


def test_an_engine_makes_the_integer_network_of_the_machine_of_each_mode(micro: Callable[[str], Made]) -> None:
    subject, arch = micro("vit")[0], load_preset("default").with_pe("4x4")
    calibration = random_data(subject.graph, 2, seed=0, purpose="calibration")
    asked: list[Arch] = []

    class Engine(IntegerModel):
        def __init__(self, graph: Graph, arch: Arch) -> None:
            asked.append(arch)
            super().__init__(graph, arch)

    pairs = integer_models(
        subject, arch, ["f6-u8", "f8-u12"], calibration=calibration, options=QuantizationOptions(),
        progress=lambda _text: None, engine=Engine,
    )  # fmt: skip
    assert all(isinstance(pair.model, Engine) for _, pair in pairs)
    assert asked == [machine_of_mode(arch, mode, 8) for mode in ("f6-u8", "f8-u12")]


@pytest.mark.parametrize(("short", "weight_bits", "fraction"), [("vit", 8, 6), ("m3vit", 4, 6), ("lookupvit", 8, 8)])
def test_a_quantized_file_runs_as_it_was_quantized(
    micro: Callable[[str], Made], tmp_path: Path, short: str, weight_bits: int, fraction: int, seed: int
) -> None:
    """The integers of the file are those of the Graph it was written from."""
    subject = micro(short)[0]
    calibration = random_data(subject.graph, 2, seed=0, purpose="calibration")
    options = QuantizationOptions(weight_bits=weight_bits)
    mode = f"f{fraction}-u8"
    arch = load_preset("default")
    ((_, pair),) = integer_models(
        subject, arch, [mode], calibration=calibration, options=options, progress=lambda _text: None
    )
    quantized, _ = quantize(pair.reference, calibration.inputs, options)
    loaded = load_subject(str(save(quantized, tmp_path / "q.onnx")))
    assert (loaded.quantized, loaded.own) == (True, False)
    assert load_subject(str(save(quantized, tmp_path / "own.onnx", quantization="{}"))).own
    assert own_fraction_bits(loaded.graph) == fraction
    assert models(loaded, mode) == {mode: (weight_bits, 8, fraction)}
    with pytest.raises(QuantizationError, match=f"must be f{fraction}-u8, .* not one of f{14 - fraction}"):
        models(loaded, f"f{14 - fraction}-u8")
    ((_, again),) = integer_models(loaded, arch, [mode], calibration=None, options=options, progress=lambda _text: None)
    data = random_data(subject.graph, 3, seed=seed)
    (ours,), (theirs,) = (each.model.run(data.inputs).outputs for each in (pair, again))
    assert np.array_equal(ours, theirs)
    # Of any images the integers are equal; how near they are to the float meaning is asked of some that are known.
    found = evaluate_model(again.reference, again.model, random_data(subject.graph, 3, seed=0))
    assert found.sqnr_db > 10
    assert found.quantization is None


@pytest.fixture(scope="module")
def foreign(
    exported: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Path:
    """A model quantized by onnxruntime: uint8 activations with zero points, no scale that all of a stream share."""
    source = exported("vit-micro", exporter="legacy", opset=17, attention="eager")
    drawn = random_data(load_subject(str(source)).graph, 8, seed=pytestconfig.option.seed).inputs["image"]

    class Images(CalibrationDataReader):
        left = iter(drawn)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.left, None)
            return None if image is None else {"image": image[None]}

    target = tmp_path_factory.mktemp("foreign") / "foreign.onnx"
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A copy, because onnxruntime leaves a file beside the source for a while, and workers share sources.
        quantize_static(shutil.copy(source, target.parent), str(target), Images(), quant_format=QuantFormat.QDQ)
    logging.disable(logging.NOTSET)
    return target


def test_a_file_of_another_quantizer_runs_as_vitaccel_run_has_it(foreign: Path, tmp_path: Path) -> None:
    subject = load_subject(str(foreign))
    assert (subject.quantized, subject.own) == (True, False)
    assert models(subject, "f6-u8") == {"f6-u8": (8, 8, 6)}
    ((_, pair),) = integer_models(
        subject, load_preset("default"), ["f6-u8"], calibration=None, options=QuantizationOptions(), progress=print
    )
    data = random_data(subject.graph, 3, seed=7)
    np.save(tmp_path / "x.npy", data.inputs["image"])
    code, said = run_here(["vitaccel", "run", str(foreign), "--input", "x.npy", "--raw", "-o", "y.npy"], tmp_path)
    assert code == 0, said
    np.testing.assert_array_equal(pair.model.run(data.inputs).outputs[0], np.load(tmp_path / "y.npy"))
    assert evaluate_model(pair.reference, pair.model, data).sqnr_db > 15
    with pytest.raises(QuantizationError, match=r"must be f6-u8, .* not one of f8"):
        models(subject, "f8-u8")


def test_a_subject_is_quantized_if_a_value_has_a_scale(micro: Callable[[str], Made]) -> None:
    subject, pairing = micro("vit")
    assert not subject.quantized
    assert replace(subject, graph=pairing.model.graph).quantized
