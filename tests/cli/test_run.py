from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from vitaccel.arch import Arch
from vitaccel.backends.hls import compiled
from vitaccel.cli import main
from vitaccel.compiler import prepare_graph
from vitaccel.execution import IntegerModel
from vitaccel.frontend import ImportedModel
from vitaccel.quantization import quantize
from vitaccel.zoo.digits import load_split

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


# -- integers ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def digits(exported: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits model, quantized on its calibration images by the command."""
    path = tmp_path_factory.mktemp("int8") / "digits.int8.onnx"
    source = exported("vit-digits", exporter="legacy")
    assert main(["quantize", str(source), "--calibration", "digits", "-o", str(path)]) == 0
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Some test images of the digits."""
    path = tmp_path / "digits.npy"
    np.save(path, load_split("test").images[:40])
    return path


def test_the_command_gives_what_the_graph_in_memory_gives(
    vitaccel: Run, digits: Path, images: Path, tmp_path: Path, imported: Callable[..., ImportedModel]
) -> None:
    """Export, quantize, write, read, run: the same integers as without a file between, and digits are recognised."""
    output = tmp_path / "y.npy"
    assert vitaccel("run", digits, "--input", images, "-o", output).code == 0
    graph = prepare_graph(imported("vit-digits").graph, Arch())
    quantized, _ = quantize(graph, {"image": load_split("calibration").images})
    expected = IntegerModel(quantized, Arch()).run({"image": np.load(images)})
    found = np.load(output)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.values[0])
    assert (found.argmax(1) == load_split("test").labels[:40]).mean() > 0.9
    raw = tmp_path / "raw.npy"
    result = vitaccel("run", digits, "--input", images, "-o", raw, "--raw")
    assert result.err.startswith(f"wrote {raw} (40x10 int16, a step is ")
    assert np.load(raw).dtype == np.int16
    np.testing.assert_array_equal(np.load(raw), expected.outputs[0])


def test_numbers_depend_on_no_array_and_no_batch(vitaccel: Run, digits: Path, images: Path, tmp_path: Path) -> None:
    found, instructions = [], set()
    for at, flags in enumerate(([], ["--pe", "16x16", "--batch", "7"], ["--pe", "2x4x4"], ["--batch", "1"])):
        output = tmp_path / f"{at}.npz"
        result = vitaccel("run", digits, "--input", images, "-o", output, "--json", *flags)
        assert result.code == 0, result.err
        record = json.loads(result.out)
        assert (record["mode"], record["images"], record["kind"]) == ("integer", 40, "measured")
        instructions.add(record["instructions"])
        with np.load(output) as loaded:
            found.append(loaded["output0"])
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
    assert len(instructions) > 1


def test_taps_are_written_beside_the_outputs(vitaccel: Run, digits: Path, images: Path, tmp_path: Path) -> None:
    archive, folder, output = tmp_path / "taps.npz", tmp_path / "taps", tmp_path / "y.npy"
    assert vitaccel("run", digits, "--input", images, "-o", output, "--raw", "--taps", archive).code == 0
    result = vitaccel("run", digits, "--input", images, "-o", output, "--raw", "--taps", folder, "--pe", "16")
    index = json.loads((folder / "index.json").read_text())
    assert result.err.endswith(f"wrote {folder} ({len(index['tensors'])} tensors)\n")
    with np.load(archive) as loaded:
        for entry in index["tensors"]:
            np.testing.assert_array_equal(loaded[entry["key"]], np.load(folder / f"{entry['key']}.npy"))
        last = index["tensors"][-1]
        np.testing.assert_array_equal(loaded[last["key"]][:, 0], np.load(output))


def test_the_machine_has_the_formats_of_the_file(
    vitaccel: Run, model: Path, image: Path, tmp_path: Path, digits: Path, images: Path
) -> None:
    four, output = tmp_path / "four.onnx", tmp_path / "y.npy"
    assert vitaccel("quantize", model, "--calibration", "random", "--weight-bits", "4", "-o", four).code == 0
    toml = tmp_path / "machine.toml"
    toml.write_text("[memory]\nbus_bits = 64\n")
    for flags in ([], ["--arch", toml], ["--set", "numerics.weight_bits=4"], ["--preset", "zcu102"]):
        result = vitaccel("run", four, "--input", image, "-o", output, "--json", *flags)
        assert result.code == 0, result.err
        assert json.loads(result.out)["arch"]["numerics"]["weight_bits"] == 4
    wrong = vitaccel("run", four, "--input", image, "-o", output, "--set", "numerics.weight_bits=8").refused()
    assert wrong == "numerics.weight_bits must be 4, which the model was quantized for, not 8"
    toml.write_text("[numerics]\nlogit_fraction_bits = 8\n")
    wrong = vitaccel("run", digits, "--input", images, "-o", output, "--arch", toml).refused()
    assert wrong == "numerics.logit_fraction_bits must be 6, which the model was quantized for, not 8"


def test_mistakes_about_integers_are_one_sentence(
    vitaccel: Run, model: Path, image: Path, digits: Path, images: Path, tmp_path: Path
) -> None:
    output = tmp_path / "y.npy"
    broken = tmp_path / "broken.npy"
    array = np.load(images)
    array[3, 0, 5, 5] = np.nan
    np.save(broken, array)
    before = {path.name for path in tmp_path.iterdir()}

    def sentence(*arguments: str | Path, code: int = 2) -> str:
        return vitaccel("run", *arguments, "-o", output).refused(code)

    assert "must be quantized to run in integers: vitaccel quantize" in sentence(model, "--input", image)
    for flag in (["--raw"], ["--taps", tmp_path / "t.npz"], ["--batch", "2"], ["--pe", "64"], ["--preset", "zcu102"]):
        assert f"{flag[0]} must come without --float" in sentence("--float", model, "--input", image, *flag)
    assert "input 'image' must be given" in sentence(digits)
    assert "must have shape imagesx1x16x16, not 1x3x8x8" in sentence(digits, "--input", image)
    assert "must hold finite numbers" in sentence(digits, "--input", broken)
    assert "'other'" in sentence(digits, "--input", f"other={images}")
    assert "--pe must name one machine to run on, not 16,64" in sentence(digits, "--input", images, "--pe", "16,64")
    assert "--taps must name a folder" in sentence(digits, "--input", images, "--taps", tmp_path / "t.npy")
    archive = tmp_path / "y.npz"
    both = vitaccel("run", digits, "--input", images, "-o", archive, "--taps", archive).refused()
    assert "must be a file of its own, not another output" in both
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_quantized_file_still_has_a_float_meaning(vitaccel: Run, digits: Path, images: Path, tmp_path: Path) -> None:
    for name, flags in (("float", ["--float"]), ("integer", [])):
        one = tmp_path / "one.npy"
        np.save(one, np.load(images)[:1])
        assert vitaccel("run", digits, "--input", one, "-o", tmp_path / f"{name}.npy", *flags).code == 0
    a, b = np.load(tmp_path / "float.npy"), np.load(tmp_path / "integer.npy")
    assert not np.array_equal(a, b)
    assert np.abs(a - b).max() < 0.1 * np.abs(a).max()


def test_without_pytorch_it_says_so(
    vitaccel: Run, digits: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = vitaccel("run", digits, "--input", images, "-o", tmp_path / "y.npy")
    assert result.refused() == "running a model in integers needs PyTorch: pip install 'vitaccel[torch]'"


# -- compiled ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("flags", [["--raw"], ["--pe", "16x16"]])
def test_the_accelerator_in_cpp_writes_the_same_bytes(
    vitaccel: Run, digits: Path, images: Path, tmp_path: Path, flags: list[str]
) -> None:
    engines = []
    for engine in ([], ["--compiled"]):
        name = "".join(engine) or "interpreter"
        output, taps = tmp_path / f"{name}.npz", tmp_path / f"{name}_taps.npz"
        result = vitaccel("run", digits, "--input", images, "-o", output, "--taps", taps, *flags, *engine, "--json")
        assert result.code == 0, result.err
        engines.append(json.loads(result.out)["engine"])
    assert engines == ["interpreter", "compiled"]
    for part in ("", "_taps"):
        written = (tmp_path / f"--compiled{part}.npz").read_bytes()
        assert written == (tmp_path / f"interpreter{part}.npz").read_bytes()


def test_what_the_cpp_does_not_do_is_one_sentence(
    vitaccel: Run, digits: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "y.npy"

    def sentence(*flags: str) -> str:
        return vitaccel("run", digits, "--input", images, "-o", output, "--compiled", *flags).refused()

    assert sentence("--pe", "2x8x8") == "the accelerator in C++ must have one array, not 2"
    assert sentence("--pe", "6x6").startswith("P of the accelerator in C++ must be a power of two, ")
    assert sentence("--batch", "4") == "--batch must come without --compiled: images run one after another there"
    assert sentence("--float") == "--compiled must come without --float: it speaks of a run in integers"
    monkeypatch.setattr(compiled, "COMPILER", "no-such-compiler")
    compiled._target.cache_clear()
    try:
        assert sentence() == "no-such-compiler must be installed to compile C++"
    finally:
        compiled._target.cache_clear()
    assert not output.exists()
