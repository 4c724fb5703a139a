"""``vitaccel gen-hls MODEL``: the same files for the same inputs, and one sentence for what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sim.delivery.hls.micro import MACHINE, hls_network
from tests.sim.delivery.network.micro import IMAGES, NAME, onnx
from vitaccel_sim.delivery.hls.readme import README

Run = Callable[..., Any]


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    path = tmp_path / f"{NAME}.onnx"
    path.write_bytes(onnx())
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_inputs_give_the_same_bytes(vitaccel: Run, quantized: Path, tmp_path: Path) -> None:
    """Over files of an earlier call, with headers in a directory of their own."""
    out = tmp_path / "out"
    for _ in range(2):
        result = vitaccel("gen-hls", quantized, *MACHINE, "--images", IMAGES, "-o", out)
        assert (result.code, result.out) == (0, "")
    made = hls_network()
    assert (
        result.err
        == f"wrote {len(made.files)} files in {out}: {made.instructions} instructions; make -C {out} runs them\n"
    )
    written = files(out)
    assert sorted(written) == sorted(made.files)
    # The model is the file that was given.
    assert [name for name in written if written[name] != made.files[name]] in ([], ["model.onnx"])


def test_json_has_what_was_made(vitaccel: Run, quantized: Path, tmp_path: Path) -> None:
    record = json.loads(vitaccel("gen-hls", quantized, *MACHINE, "-o", tmp_path / "out", "--json").out)
    assert {
        "model": NAME,
        "function": "vitaccel_top",
        "calibration": None,
        "golden_images": 4,
    }.items() <= record.items()
    assert record["arch"]["pe"] == "4x4"
    assert {file["name"]: file["bytes"] for file in record["files"]} == {
        name: len(content) for name, content in files(tmp_path / "out").items()
    }


REFUSED = [
    (["--pe", "2x4x4"], "the accelerator in C++ must have one array, not 2"),
    (["--pe", "12x12"], "P of the accelerator in C++ must be a power of two, as a word is what its bus has, not 12"),
    (["--pe", "4x4,8x8"], "--pe must name one machine to generate, not 4x4,8x8"),
    (
        ["--pe", "4x4", "--set", "memory.ports=2"],
        "memory.ports must be 1, as the generated accelerator has one port, not 2",
    ),
    (["--pe", "4x4", "--set", "numerics.numerator_bits=12"], "numerators of the accelerator must be of 8 bits, not 12"),
]


@pytest.mark.parametrize(("flags", "sentence"), REFUSED)
def test_what_cannot_be_is_refused(
    vitaccel: Run, quantized: Path, tmp_path: Path, flags: list[str], sentence: str
) -> None:
    assert vitaccel("gen-hls", quantized, *flags, "-o", tmp_path / "out").refused() == sentence
    assert not (tmp_path / "out").exists()


def test_a_file_of_somebody_else_is_not_replaced(vitaccel: Run, quantized: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "out" / "vitaccel_hls" / "array.hpp"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    sentence = vitaccel("gen-hls", quantized, *MACHINE, "-o", tmp_path / "out").refused()
    assert sentence == f"output file {theirs} must be one that vitaccel wrote, to be replaced; it is not"
    assert list(files(tmp_path / "out")) == ["vitaccel_hls/array.hpp"]
    assert README not in files(tmp_path / "out")


def test_a_model_that_is_not_there(vitaccel: Run, tmp_path: Path) -> None:
    sentence = vitaccel("gen-hls", tmp_path / "none.onnx", "--pe", "4x4", "-o", tmp_path / "out").refused()
    assert "none.onnx" in sentence
