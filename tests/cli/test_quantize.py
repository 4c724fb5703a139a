from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from vitaccel.cli.quantize import CHOICES, quantize
from vitaccel.frontend import import_model
from vitaccel.ir.scales import QUANTIZATION_KEY
from vitaccel.quantization import QuantizationOptions
from vitaccel.zoo.digits import load_split

Run = Callable[..., Any]


@pytest.fixture
def images(tmp_path: Path, seed: int) -> Path:
    """Calibration images for the small model."""
    path = tmp_path / "images.npz"
    np.savez(path, image=np.random.default_rng(seed).standard_normal((6, 3, 8, 8)).astype(np.float32))
    return path


def test_a_file_is_written_that_onnxruntime_runs(vitaccel: Run, model: Path, images: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    result = vitaccel("quantize", model, "--calibration", images, "-o", output)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[0].startswith("8-bit weights, calibrated on 6 images of a file; ")
    assert result.err.splitlines()[1].startswith(f"wrote {output} (")
    onnx.checker.check_model(onnx.load(output), full_check=True)
    with np.load(images) as loaded:
        image = loaded["image"][:1]
    float_session, session = (
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (model, output)
    )
    (expected,), (found,) = (s.run(None, {"image": image}) for s in (float_session, session))
    assert 0 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    np.save(tmp_path / "x.npy", image)
    assert vitaccel("run", output, "--input", tmp_path / "x.npy", "-o", tmp_path / "y.npy").code == 0
    assert np.abs(np.load(tmp_path / "y.npy") - expected).max() < 0.1 * np.abs(expected).max()


def test_the_same_inputs_give_the_same_bytes(vitaccel: Run, exported: Run, tmp_path: Path) -> None:
    """Whatever the number of threads, the order of hashes, the name of the file or the process."""
    source = exported("lookupvit-digits", exporter="legacy")
    np.save(tmp_path / "c.npy", load_split("calibration").images[:20])
    first, second, third = (tmp_path / f"{name}.onnx" for name in "abc")
    common = ["--calibration", str(tmp_path / "c.npy"), "-o"]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert vitaccel("quantize", source, *common, first).code == 0
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert vitaccel("quantize", source, *common, second).code == 0
    finally:
        torch.set_num_threads(threads)
    code = "from vitaccel.cli import main; import sys; raise SystemExit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code, "quantize", source, *common, third], check=True, env=environment)
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()


def test_every_option_arrives(vitaccel: Run, model: Path, images: Path, tmp_path: Path) -> None:
    names = {parameter.name for parameter in quantize.params}
    assert {field.name for field in fields(QuantizationOptions)} <= names
    assert len(CHOICES) == len(fields(QuantizationOptions))
    given = {
        "weight_bits": 4, "activation_range": "percentile", "percentile": 99.5, "headroom": 1.5, "smoothing": False,
        "bias_correction": False, "rounding": "nearest", "damping": 0.02, "correction_images": 3,
    }  # fmt: skip
    flags = [
        flag
        for name, value in given.items()
        for flag in (
            [f"--no-{name.replace('_', '-')}"] if value is False else [f"--{name.replace('_', '-')}", str(value)]
        )
    ]
    output = tmp_path / "q.onnx"
    result = vitaccel(
        "quantize", model, "--calibration", images, *flags, "--logit-fraction-bits", "8", "-o", output, "--json"
    )
    record = json.loads(result.out)
    assert record["options"] == given
    assert (record["logit_fraction_bits"], record["calibration"], record["images"]) == (8, "file", 6)
    assert (record["smoothing"], record["biases"]) == ([], [])
    defaults = json.loads(vitaccel("quantize", model, "--calibration", images, "-o", tmp_path / "d.onnx", "--json").out)
    assert defaults["options"] == {f.name: f.default for f in fields(QuantizationOptions)}
    assert defaults["biases"]


def test_the_choices_are_in_the_file(vitaccel: Run, model: Path, images: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    made = vitaccel("quantize", model, "--calibration", images, "-o", output, "--show")
    shown = vitaccel("quantize", output, "--show")
    assert made.out == shown.out
    assert shown.err == ""
    record = json.loads(vitaccel("quantize", output, "--show", "--json").out)
    stored = {p.key: p.value for p in onnx.load(output).metadata_props}[QUANTIZATION_KEY]
    assert json.loads(stored) == record
    graph = import_model(output).graph
    head = [choice for choice in record["values"] if choice["op"] == "linear"][-1]
    assert f"{head['scale'][0]:.4g}" in shown.out
    assert graph[graph.outputs[0]].scale == tuple(head["scale"])
    assert len(record["weights"]) == 3
    file = tmp_path / "choices.json"
    assert vitaccel("quantize", output, "--show", "--json", file).out == shown.out
    assert json.loads(file.read_text()) == record


def test_a_zoo_name_is_a_model(vitaccel: Run, exported: Run, tmp_path: Path) -> None:
    """A digits model comes with its own images; its file is that of the exported model."""
    by_name, by_file = tmp_path / "a.onnx", tmp_path / "b.onnx"
    assert vitaccel("quantize", "vit-digits", "-o", by_name).code == 0
    source = exported("vit-digits", exporter="legacy")
    assert vitaccel("quantize", source, "--calibration", "digits", "-o", by_file).code == 0
    assert by_name.read_bytes() == by_file.read_bytes()
    micro = vitaccel("quantize", "vit-micro", "--calibration", "random", "-o", tmp_path / "c.onnx")
    assert "calibrated on 32 images of seeded noise" in micro.err


def test_one_image_and_a_constant_channel_are_enough(vitaccel: Run, model: Path, tmp_path: Path, seed: int) -> None:
    one = np.random.default_rng(seed).standard_normal((1, 3, 8, 8)).astype(np.float32)
    one[:, 1] = 0.5
    np.save(tmp_path / "one.npy", one)
    output = tmp_path / "q.onnx"
    result = vitaccel("quantize", model, "--calibration", tmp_path / "one.npy", "-o", output)
    assert "calibrated on 1 image of a file" in result.err
    assert vitaccel("run", output, "--input", tmp_path / "one.npy", "-o", tmp_path / "y.npy").code == 0
    assert np.isfinite(np.load(tmp_path / "y.npy")).all()


def test_an_open_batch_and_open_sides_are_given(vitaccel: Run, make_model: Run, images: Path, tmp_path: Path) -> None:
    model = make_model("open.onnx", batch="N", side="S")
    output = tmp_path / "q.onnx"
    flags = ["--calibration", images, "-o", output]
    assert "--input-shape" in vitaccel("quantize", model, *flags).refused()
    assert vitaccel("quantize", model, *flags, "--input-shape", "2x3x8x8").code == 0
    assert vitaccel("run", output, "--input", images, "-o", tmp_path / "y.npy").code == 0
    assert np.load(tmp_path / "y.npy").shape == (6, 5)


def test_mistakes_are_one_sentence(vitaccel: Run, model: Path, images: Path, tmp_path: Path) -> None:
    output, done = tmp_path / "q.onnx", tmp_path / "done.onnx"
    assert vitaccel("quantize", model, "--calibration", images, "-o", done).code == 0
    with np.load(images) as loaded:
        array = loaded["image"]
    broken = array.copy()
    broken[2, 0, 0, 0] = np.nan
    files = {"nan": broken, "shape": array[:, :, :4], "bytes": (array * 9).astype(np.uint8), "none": array[:0]}
    for name, content in files.items():
        np.save(tmp_path / f"{name}.npy", content)
    np.savez(tmp_path / "names.npz", pictures=array, labels=np.zeros(6))
    (tmp_path / "text.npz").write_text("text")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def sentence(*arguments: str | Path) -> str:
        return vitaccel("quantize", *arguments).refused()

    def calibrated(name: str) -> str:
        return sentence(model, "-o", output, "--calibration", tmp_path / name)

    assert "must be finite in float32, not nan (image 2" in calibrated("nan.npy")
    assert "must have shape [images,3,8,8], not float32[6,3,4,8]" in calibrated("shape.npy")
    assert "must be floating numbers" in calibrated("bytes.npy")
    assert "must hold at least one image" in calibrated("none.npy")
    assert "must name the inputs 'image', not 'pictures'" in calibrated("names.npz")
    assert "must be a .npz or .npy file" in calibrated("text.npz")
    assert "must exist" in calibrated("missing.npz")
    assert "--calibration must be given for" in sentence(model, "-o", output)
    assert "must have shape [images,3,8,8]" in sentence(model, "-o", output, "--calibration", "digits")
    fine = ["--calibration", images]
    assert "an output file must be given" in sentence(model, *fine)
    assert "must end in .onnx, not 'q.pb'" in sentence(model, *fine, "-o", tmp_path / "q.pb")
    assert "must be a file of its own, not the input" in sentence(model, *fine, "-o", model)
    assert "must exist" in sentence(model, *fine, "-o", tmp_path / "no" / "q.onnx")
    assert "it has scales already" in sentence(done, *fine, "-o", output)
    assert "did you mean 'vit-digits'" in sentence("vit-digts", "-o", output)
    assert "weight_bits must be 4 or 8, not 3" in sentence(model, *fine, "-o", output, "--weight-bits", "3")
    assert "rounding must be one of" in sentence(model, *fine, "-o", output, "--rounding", "up")
    assert "logit_fraction_bits must be 6 or 8, not 7" in sentence(
        model, *fine, "-o", output, "--logit-fraction-bits", "7"
    )
    assert "must hold the choices of vitaccel quantize, and it holds none" in sentence(model, "--show")
    assert "--no-smoothing must come with -o" in sentence(done, "--show", "--no-smoothing")
    assert "--calibration must come with -o" in sentence(done, "--show", *fine)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_pytorch_it_says_so(
    vitaccel: Run, model: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = vitaccel("quantize", model, "--calibration", images, "-o", tmp_path / "q.onnx")
    assert result.refused() == "quantizing a model needs PyTorch: pip install 'vitaccel[torch]'"


def test_help_names_every_default() -> None:
    text = quantize.get_help(click.Context(quantize))
    for name, value in {f.name: f.default for f in fields(QuantizationOptions)}.items():
        assert isinstance(value, bool) or f"[{value}]" in text, name
