from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.arch import load_preset
from vitaccel.backends.onnx_qdq.file import save
from vitaccel.compiled_model.hls_model import HlsModel
from vitaccel.compiler import prepare_graph
from vitaccel.evaluation import subject
from vitaccel.evaluation.data import random_data
from vitaccel.frontend import import_model
from vitaccel.quantization import quantize

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def vit(exported: Callable[..., Path]) -> Path:
    """A micro model as a file."""
    return exported("vit-micro", exporter="legacy")


@pytest.fixture
def images(vit: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Files to calibrate with and to evaluate on."""
    graph = import_model(vit).graph
    calibration, data = tmp_path / "calibration.npy", tmp_path / "data.npz"
    np.save(calibration, random_data(graph, 3, seed=1).inputs["image"])
    np.savez(data, images=random_data(graph, 4, seed=2).inputs["image"], labels=np.array([0, 1, 2, 3]))
    return calibration, data


def record(vitaccel: Run, *arguments: str | Path) -> dict[str, Any]:
    result = vitaccel("evaluate", *arguments, "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def test_a_trained_model_of_the_zoo(vitaccel: Run) -> None:
    found = record(vitaccel, "vit-digits", "--images", "50")
    assert (found["model"], found["images"]) == ("vit-digits", 50)
    assert found["data"] == "handwritten digits, test split"
    assert found["calibration"] == "200 images: handwritten digits, calibration split"
    assert found["float_top1"] >= 0.94
    assert abs(found["float_top1"] - found["int_top1"]) <= 0.02
    assert found["sqnr_db"] > 30


def test_the_same_model_as_a_users_file_with_the_same_images(vitaccel: Run, tmp_path: Path) -> None:
    from vitaccel.zoo import export
    from vitaccel.zoo.digits import load_split

    path = export("vit-digits", tmp_path / "mine.onnx", exporter="legacy")
    test = load_split("test")
    np.savez(tmp_path / "c.npz", image=load_split("calibration").images)
    np.savez(tmp_path / "d.npz", images=test.images[:50], labels=test.labels[:50])
    mine = record(vitaccel, path, "--calibration", tmp_path / "c.npz", "--data", tmp_path / "d.npz")
    zoo = record(vitaccel, "vit-digits", "--images", "50")
    names = ("model", "data", "calibration")
    assert [mine[name] for name in names] == ["mine", "d.npz", "200 images: c.npz"]
    assert {key: mine[key] for key in mine if key not in names} == {key: zoo[key] for key in zoo if key not in names}


def test_random_inputs_are_never_called_accuracy(vitaccel: Run, vit: Path) -> None:
    found = record(vitaccel, vit, "--images", "3", "--seed", "7")
    assert (found["float_top1"], found["int_top1"], found["images"]) == (None, None, 3)
    assert found["data"] == "seeded random inputs, seed 7"
    assert found == record(vitaccel, vit, "--images", "3", "--seed", "7")
    assert found["layers"] != record(vitaccel, vit, "--images", "3")["layers"]
    text = vitaccel("evaluate", vit, "--images", "1").out
    assert "top-1 agreement" in text
    assert "top-1 in" not in text
    assert "accuracy" not in text


def test_labels_and_their_absence(vitaccel: Run, vit: Path, images: tuple[Path, Path], tmp_path: Path) -> None:
    calibration, data = images
    labelled = record(vitaccel, vit, "--calibration", calibration, "--data", data)
    assert labelled["float_top1"] in (0, 0.25, 0.5, 0.75, 1)
    np.save(tmp_path / "plain.npy", np.load(data)["images"])
    plain = record(vitaccel, vit, "--calibration", calibration, "--data", tmp_path / "plain.npy")
    assert (plain["float_top1"], plain["sqnr_db"]) == (None, labelled["sqnr_db"])
    few = record(vitaccel, vit, "--calibration", calibration, "--data", data, "--images", "2")
    assert few["images"] == 2


def test_four_bits_are_noisier(vitaccel: Run, vit: Path) -> None:
    eight, four = (record(vitaccel, vit, "--images", "2", "--weight-bits", bits) for bits in ("8", "4"))
    assert (eight["weight_bits"], four["weight_bits"]) == (8, 4)
    assert eight["sqnr_db"] > four["sqnr_db"] + 5


def test_every_softmax_mode(vitaccel: Run, vit: Path) -> None:
    lines = vitaccel("evaluate", vit, "--images", "1", "--softmax", "all").out.splitlines()
    assert lines[0] == "vit-micro, W8A8, 1 image: seeded random inputs, seed 0"
    assert [line.split()[0] for line in lines[3:]] == ["f6-u8", "f6-u12", "f6-u16", "f8-u8", "f8-u12", "f8-u16"]
    assert record(vitaccel, vit, "--images", "1", "--softmax", "f8-u12")["softmax"] == "f8-u12"


def test_a_quantized_file(vitaccel: Run, vit: Path, images: tuple[Path, Path], tmp_path: Path) -> None:
    calibration, data = images
    graph = prepare_graph(import_model(vit).graph, load_preset("default"))
    quantized, _ = quantize(graph, {"image": np.load(calibration)})
    path = save(quantized, tmp_path / "q.onnx")
    found = record(vitaccel, path, "--data", data)
    ours = record(vitaccel, vit, "--calibration", calibration, "--data", data)
    assert (found["quantization"], found["calibration"]) == (None, None)
    assert found["int_top1"] == ours["int_top1"]
    assert "float network" in vitaccel("evaluate", path, "--data", data).out
    refused = vitaccel("evaluate", path, "--data", data, "--calibration", calibration).refused()
    assert refused == "--calibration must come with a float model, not with q: it has scales"
    refused = vitaccel("evaluate", path, "--weight-bits", "4").refused()
    assert refused == f"--weight-bits must come with a float model, not with {path}, which is quantized"
    assert "must be f6-u8" in vitaccel("evaluate", path, "--softmax", "f8-u8").refused()


@pytest.mark.parametrize("model", ["vit-digits", "m3vit-micro"])
def test_the_accelerator_in_cpp_gives_the_same_record(
    vitaccel: Run, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """To the byte, for outputs, layers and gates; and a bit that the C++ has wrong is in it."""
    given = ("evaluate", model, "--images", "5", "--json")
    interpreted, compiled = vitaccel(*given), vitaccel(*given, "--compiled")
    assert (compiled.code, compiled.err) == (0, "")
    assert compiled.out == interpreted.out
    read = HlsModel.read
    monkeypatch.setattr(HlsModel, "read", lambda self, tensor: read(self, tensor) ^ 1)
    assert vitaccel(*given, "--compiled").out != interpreted.out


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--softmax", "f6-u12"], "numerators of the accelerator must be of 8 bits, not 12"),
        (["--softmax", "all"], "numerators of the accelerator must be of 8 bits, not 12"),
        (["--weight-bits", "4"], "weights of the accelerator must be of 8 bits, not 4"),
    ],
)
def test_what_the_cpp_does_not_do_is_refused_before_any_work(
    vitaccel: Run, vit: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], sentence: str
) -> None:
    monkeypatch.setattr(subject, "quantize", None)
    assert vitaccel("evaluate", vit, "--compiled", *flags).refused() == sentence


def test_a_file_of_four_bits_is_not_for_the_cpp(vitaccel: Run, vit: Path, tmp_path: Path) -> None:
    path = tmp_path / "q.onnx"
    assert vitaccel("quantize", vit, "--calibration", "random", "--weight-bits", "4", "-o", path).code == 0
    assert vitaccel("evaluate", path, "--compiled").refused() == "weights of the accelerator must be of 8 bits, not 4"


def test_files(vitaccel: Run, vit: Path, tmp_path: Path) -> None:
    logits, table, js = tmp_path / "l.npz", tmp_path / "l.csv", tmp_path / "l.json"
    result = vitaccel("evaluate", vit, "--images", "2", "--record-logits", logits, "--csv", table, "--json", js)
    assert result.code == 0
    assert result.err.splitlines() == [f"wrote {path}" for path in (table, logits, js)]
    assert "Summary" in result.out
    found = json.loads(js.read_text())
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in found["layers"]]
    with np.load(logits) as recorded:
        assert all(recorded[name].shape[0] == 2 for name in recorded.files)
        assert list(recorded.files) == [layer["name"] for layer in found["layers"] if layer["op"] == "attention"]
    assert vitaccel("numerics", "--section", "softmax", "--logits", logits).code in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "DATA"], "--calibration must come with --data: a model quantized with the images it is tried on "
         "looks too good"),
        (["--calibration", "CALIBRATION"], "--calibration must come with --data: random inputs are not what it "
         "calibrates for"),
        (["--data", "DATA", "--calibration", "CALIBRATION", "--seed", "1"], "--seed must come with random inputs, not "
         "with images that are given"),
        (["--weight-bits", "5"], "weight_bits must be 4 or 8, not 5"),
        (["--softmax", "f7-u8"], "softmax mode must be one of f6-u8, f6-u12, f6-u16, f8-u8, f8-u12, f8-u16, all, not "
         "'f7-u8' (did you mean 'f8-u8'?)"),
        (["--record-logits", "x.npy"], "file of logits must end in .npz, not 'x.npy'"),
        (["--data", "none.npz", "--calibration", "CALIBRATION"], "data file none.npz must be readable: No such file or "
         "directory"),
    ],
)  # fmt: skip
def test_refused(vitaccel: Run, vit: Path, images: tuple[Path, Path], arguments: list[str], sentence: str) -> None:
    named = {"CALIBRATION": images[0], "DATA": images[1]}
    assert vitaccel("evaluate", vit, *(named.get(word, word) for word in arguments)).refused() == sentence


def test_no_such_model(vitaccel: Run) -> None:
    assert vitaccel("evaluate", "vit-digit").refused() == (
        "model must be an ONNX file or a name of the zoo, not 'vit-digit' (did you mean 'vit-digits'?)"
    )


def test_an_output_is_checked_before_any_work(vitaccel: Run, vit: Path, tmp_path: Path) -> None:
    sentence = vitaccel("evaluate", vit, "--csv", tmp_path / "none" / "x.csv").refused()
    assert sentence == f"directory {tmp_path / 'none'} of output file x.csv must exist"


def test_without_attention_there_are_no_logits(vitaccel: Run, model: Path, tmp_path: Path) -> None:
    assert vitaccel("evaluate", model, "--images", "2").code == 0
    refused = vitaccel("evaluate", model, "--record-logits", tmp_path / "l.npz").refused()
    assert refused == "--record-logits must come with a model that has attention"


def test_only_the_layers_that_lose(vitaccel: Run, vit: Path) -> None:
    everything = vitaccel("evaluate", vit, "--images", "1").out
    losing = vitaccel("evaluate", vit, "--images", "1", "--losing").out
    assert [line for line in losing.splitlines() if "  <  " in line] == [
        line for line in everything.splitlines() if "  <  " in line
    ]
    assert "head.linear" in everything
    assert losing.count("\n") < everything.count("\n")
