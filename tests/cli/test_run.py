from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from vitaccel.cli.run import feeds, packed, read_arrays
from vitaccel.errors import ModelError, OutputError

Run = Callable[..., Any]


@pytest.fixture
def image(tmp_path: Path, seed: int) -> Path:
    """A random image for the small model as a file."""
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(seed).standard_normal((1, 3, 8, 8)).astype(np.float32))
    return path


def test_the_output_agrees_with_onnxruntime(vitaccel: Run, model: Path, image: Path, tmp_path: Path) -> None:
    output = tmp_path / "y.npy"
    result = vitaccel("run", "--float", model, "--input", image, "-o", output)
    assert result.code == 0
    assert result.err == f"wrote {output} (1x5)\n"
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"image": np.load(image)})
    np.testing.assert_allclose(np.load(output), expected, rtol=1e-4, atol=1e-5)


def test_npz_in_and_out(vitaccel: Run, make_model: Callable[..., Path], image: Path, tmp_path: Path) -> None:
    both = tmp_path / "x.npz"
    np.savez(both, image=np.concatenate([np.load(image)] * 2))
    model = make_model(batch="N")
    assert vitaccel("run", "--float", model, "--input", both, "-o", tmp_path / "y.npz").code == 0
    with np.load(tmp_path / "y.npz") as found:
        assert found.files == ["output0"]
        assert found["output0"].shape == (2, 5)
        np.testing.assert_array_equal(found["output0"][0], found["output0"][1])


def test_mistakes_are_one_sentence(vitaccel: Run, model: Path, image: Path, tmp_path: Path) -> None:
    output, text, wrong = tmp_path / "y.npy", tmp_path / "text.npy", tmp_path / "wrong.npy"
    text.write_text("not an array")
    np.save(wrong, np.zeros((1, 3, 9, 9), np.float32))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    before = {path.name for path in tmp_path.iterdir()}

    def sentence(*arguments: str | Path) -> str:
        return vitaccel("run", *arguments).refused()

    assert "--float must be given" in sentence(model, "--input", image, "-o", output)
    assert "must end in .npy or .npz" in sentence("--float", model, "--input", image, "-o", tmp_path / "y.txt")
    assert "missing.npy must be readable" in sentence("--float", model, "--input", "missing.npy", "-o", output)
    assert "must be a .npy or .npz file of numbers" in sentence("--float", model, "--input", text, "-o", output)
    objects = tmp_path / "objects.npy"
    assert "must be a .npy or .npz file of numbers" in sentence("--float", model, "--input", objects, "-o", output)
    assert "not 9" in sentence("--float", model, "--input", wrong, "-o", output)
    assert "input 'image' must be fed" in sentence("--float", model, "-o", output)
    assert "'other'" in sentence("--float", model, "--input", f"other={image}", "-o", output)
    assert "not the input" in sentence("--float", model, "--input", image, "-o", image)
    assert "-o" in sentence("--float", model, "--input", image)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_an_array_without_a_name_goes_to_the_only_free_input() -> None:
    x, y = np.zeros(1), np.ones(1)
    assert feeds([("", x)], ["a"]) == {"a": x}
    assert feeds([("a", x), ("", y)], ["a", "b"]) == {"a": x, "b": y}
    with pytest.raises(ModelError, match=r"--input must name its input, one of a, b: --input a=x\.npy"):
        feeds([("", x)], ["a", "b"])
    with pytest.raises(ModelError, match="--input must give input 'a' once"):
        feeds([("a", x), ("a", y)], ["a"])


def test_a_name_is_that_of_the_flag_or_of_the_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(2))
    np.savez(tmp_path / "x.npz", a=np.zeros(2), b=np.zeros(3))
    assert [name for name, _ in read_arrays(tmp_path / "x.npy", "image")] == ["image"]
    assert [name for name, _ in read_arrays(tmp_path / "x.npz", "")] == ["a", "b"]


def test_several_outputs_need_an_archive() -> None:
    with pytest.raises(OutputError, match=r"must end in \.npz for the 2 outputs"):
        packed(Path("y.npy"), [np.zeros(1), np.zeros(2)])
