"""``vitaccel gen-rtl MODEL``: the same files for the same inputs, what it says, and one sentence for what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sim.delivery.network.micro import IMAGES, NAME, PE, SETTINGS, network, onnx
from vitaccel_sim.delivery.network import deliver
from vitaccel_sim.delivery.network.imported import imported
from vitaccel_sim.delivery.network.readme import README

Run = Callable[..., Any]

MACHINE = ["--pe", PE, *(part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}"))]


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    path = tmp_path / f"{NAME}.onnx"
    path.write_bytes(onnx())
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the delivery was asked for: model, machine, golden images; it gives the one that was made once."""
    calls: list[Any] = []

    def take(model: bytes, name: str, arch: Any, images: Any, **told: Any) -> deliver.Network:
        given = images(imported(model, name))
        calls.append((model, name, arch, given, told["said"]))
        return replace(network(), onnx=model)

    monkeypatch.setattr(deliver, "deliver_network", take)
    return calls


def test_the_same_inputs_give_the_same_bytes(vitaccel: Run, quantized: Path, tmp_path: Path) -> None:
    """As another call in this process made them, by the file and the command line."""
    result = vitaccel("gen-rtl", quantized, *MACHINE, "--images", IMAGES, "-o", tmp_path / "out")
    assert (result.code, result.out) == (0, "")
    made = network()
    assert result.err == (
        f"wrote {len(made.files)} files in {tmp_path / 'out'}: {made.instructions} instructions, "
        f"{made.cycles:,} cycles a run, {made.utilization:.1%} utilization; README.md says the rest\n"
    )
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(written) == sorted(made.files)
    assert [name for name in written if written[name] != made.files[name]] == []


def test_json_has_what_was_made(vitaccel: Run, quantized: Path, tmp_path: Path, asked: list[Any]) -> None:
    record = json.loads(vitaccel("gen-rtl", quantized, *MACHINE, "-o", tmp_path / "out", "--json").out)
    assert {"model": NAME, "module": "vitaccel", "calibration": None}.items() <= record.items()
    assert record["cycles_predicted"] == network().cycles
    assert record["arch"]["pe"] == "4x4"
    assert record["golden_images"] == IMAGES
    for file in record["files"]:
        assert (tmp_path / "out" / file["name"]).stat().st_size == file["bytes"]
    (call,) = asked
    assert call[2] == network().model.arch
    assert call[4] == frozenset(SETTINGS)
    assert len(call[3]["image"]) == 4


def test_golden_images_are_a_user_s(
    vitaccel: Run, quantized: Path, tmp_path: Path, asked: list[Any], seed: int
) -> None:
    images = np.random.default_rng(seed).standard_normal((3, 3, 20, 28)).astype(np.float32)
    np.savez(tmp_path / "images.npz", images=images)
    vitaccel("gen-rtl", quantized, "--inputs", tmp_path / "images.npz", "--images", 2, "-o", tmp_path / "out")
    np.testing.assert_array_equal(asked[0][3]["image"], images[:2])


def test_a_float_model_is_quantized_and_it_says_so(
    vitaccel: Run, model: Path, tmp_path: Path, asked: list[Any]
) -> None:
    result = vitaccel("gen-rtl", model, "-o", tmp_path / "out", "--json", tmp_path / "record.json")
    assert result.code == 0
    assert f"note: {model} is a float model; it was quantized with default calibration, on seeded noise\n" in result.err
    assert json.loads((tmp_path / "record.json").read_text())["calibration"] == "random"
    assert asked[0][0] != model.read_bytes()
    assert (tmp_path / "out" / "model.onnx").read_bytes() == asked[0][0]


def test_files_are_replaced_but_not_those_of_somebody_else(
    vitaccel: Run, quantized: Path, tmp_path: Path, asked: list[Any]
) -> None:
    for _ in range(2):
        assert vitaccel("gen-rtl", quantized, "-o", tmp_path / "out").code == 0
    assert len(asked) == 2
    (tmp_path / "out" / README).write_text("mine")
    told = vitaccel("gen-rtl", quantized, "-o", tmp_path / "out").refused()
    assert told.endswith("must be one that vitaccel wrote, to be replaced; it is not")
    assert (tmp_path / "out" / README).read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "out", "--pe", "9x4x4"), "the accelerator must have 8 arrays or fewer, not 9"),
        (("-o", "out", "--pe", "16,64"), "--pe must name one machine to generate, not 16,64"),
        (("-o", "out", "--lanes", "4"), "--lanes must come with no MODEL"),
        ((), "an output directory must be given, as in vitaccel gen-rtl {model} --pe 64 -o build/"),
        (("-o", "{model}"), "output directory {model} must be a directory, and {model} is a file"),
        (
            ("-o", "out", "--set", "numerics.numerator_bits=16"),
            "numerators of the accelerator must be of 8 bits, not 16",
        ),
        (
            ("-o", "out", "--set", "memory.ports=2"),
            "memory.ports must be 1, as the generated accelerator has one port, not 2",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    vitaccel: Run, quantized: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...],
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given = [part.format(model=quantized) for part in arguments]
    assert vitaccel("gen-rtl", quantized, *given).refused() == sentence.format(model=quantized)
    assert list(tmp_path.iterdir()) == [quantized]


def test_a_model_that_is_nowhere_is_told(vitaccel: Run, tmp_path: Path) -> None:
    told = vitaccel("gen-rtl", "vit-digit", "-o", tmp_path / "out").refused()
    assert told.startswith("model must be an ONNX file or a name of the zoo, not 'vit-digit'")
    assert list(tmp_path.iterdir()) == []
