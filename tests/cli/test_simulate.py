from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MACS = 4 * 16 * 48 + 4 * 16 * 32 + 32 * 5
"""Convolution, linear layer and classifier of the small model."""

Run = Callable[..., Any]


def test_text_in_a_pipe_is_plain_and_ends_in_the_summary(vitaccel: Run, model: Path) -> None:
    result = vitaccel("simulate", model, "--pe", "64")
    assert result.code == 0
    assert result.err == ""
    assert "\x1b" not in result.out
    for title in ("Layers, in program order", "Blocks", "Where the cycles go", "Summary (predicted, not measured)"):
        assert title in result.out
    assert result.out.rstrip().splitlines()[-1].startswith("device")
    assert f"({MACS:,})" in result.out


def test_json_is_one_object_and_nothing_else(vitaccel: Run, model: Path) -> None:
    for order in (["--json", model], [model, "--json"], [model, "--json", "-"], ["--json=-", model]):
        result = vitaccel("simulate", *order)
        assert result.err == ""
        record = json.loads(result.out)
        assert record["macs"] == MACS
        assert record["model"] == "small"
        assert record["input_shape"] == [1, 3, 8, 8]
        assert sum(layer["cycles"] for layer in record["layers"]) == record["cycles"]
        assert record["utilization"] == pytest.approx(MACS / (record["cycles"] * 64))


def test_files(vitaccel: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    names = {"--json": "r.json", "--csv": "r.csv", "--html": "r.html", "--trace": "r.trace"}
    flags = [part for flag, name in names.items() for part in (flag, out / name)]
    result = vitaccel("simulate", model, *flags)
    assert result.code == 0
    assert "Summary" in result.out
    assert {path.name for path in out.iterdir()} == set(names.values())
    record = json.loads((out / "r.json").read_text())
    rows = list(csv.DictReader((out / "r.csv").read_text().splitlines()))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in record["layers"]]
    trace = json.loads((out / "r.trace").read_text())["traceEvents"]
    assert len([event for event in trace if event["ph"] == "X"]) == record["instructions"]
    assert "<!doctype html>" in (out / "r.html").read_text()[:20]


def test_pe_list_and_compare_make_columns(vitaccel: Run, model: Path, make_model: Callable[..., Path]) -> None:
    other = make_model("other.onnx", op="Tanh")
    record = json.loads(vitaccel("simulate", model, "--pe", "16,8x8", "--compare", other, "--json").out)
    assert [(c["model"], c["arch"]["pes"]) for c in record["columns"]] == [
        ("small", 16),
        ("small", 64),
        ("other", 16),
        ("other", 64),
    ]
    text = vitaccel("simulate", model, other).out
    assert "Side by side" in text
    assert "ratio" in text


def test_machine_flags(vitaccel: Run, model: Path, tmp_path: Path) -> None:
    description = tmp_path / "mine.toml"
    description.write_text('name = "mine"\n[memory]\nbus_bits = 64\n')
    settings = ["--set", "memory.bus_bits=256", "--set", "frequency_hz=1e8"]
    record = json.loads(vitaccel("simulate", model, "--arch", description, *settings, "--json").out)
    assert record["arch"]["name"] == "mine"
    assert record["arch"]["memory"]["bus_bits"] == 256
    assert record["frequency_hz"] == 1e8
    named = json.loads(vitaccel("simulate", model, "--preset", "ecp5-85f", "--json").out)
    assert named["arch"]["name"] == "ecp5-85f"


def test_a_machine_that_does_not_fit_is_told_and_still_predicted(vitaccel: Run, model: Path) -> None:
    result = vitaccel("simulate", model, "--preset", "ecp5-85f", "--pe", "16x16", "--json")
    assert result.code == 1
    assert json.loads(result.out)["fits"] is False
    assert result.err.startswith("warning: ecp5-85f 16x16 does not fit its device: ")


def test_a_clock_that_is_not_reached_is_told_and_still_predicted(vitaccel: Run, model: Path) -> None:
    result = vitaccel("simulate", model, "--preset", "ecp5-85f", "--json")
    assert result.code == 0
    record = json.loads(result.out)
    slower = record["at_predicted_clock"]
    assert slower["frequency_hz"] == record["area"]["frequency_hz"] < record["frequency_hz"] == 100e6
    assert slower["latency_s"] == pytest.approx(record["cycles"] / slower["frequency_hz"])
    assert slower["fps"] == pytest.approx(1 / slower["latency_s"])
    assert result.err == (
        f"warning: ecp5-85f 8x8 is too fast for its device: its clock is 100 MHz, {slower['frequency_hz'] / 1e6:.0f} "
        f"MHz are predicted, and the same cycles give {slower['fps']:,.1f} frames/s there\n"
    )
    reached = vitaccel("simulate", model, "--preset", "ecp5-85f", "--set", "frequency_hz=25e6", "--json")
    assert reached.err == ""
    assert json.loads(reached.out)["at_predicted_clock"] is None


def test_sort_and_top(vitaccel: Run, model: Path) -> None:
    text = vitaccel("simulate", model, "--sort", "time", "--top", "1").out
    assert "slowest first" in text
    assert " more " in text
    assert "Layers" not in vitaccel("simulate", model, "--top", "0").out


def test_print_after_prints_the_pass_and_keeps_json_clean(vitaccel: Run, model: Path) -> None:
    result = vitaccel("simulate", model, "--print-after", "import", "--print-after", "schedule")
    assert result.out.startswith("# after import\ngraph main\n")
    assert "\n# after schedule\nprogram main" in result.out
    quiet = vitaccel("simulate", model, "--print-after", "import", "--json")
    json.loads(quiet.out)
    assert quiet.err.startswith("# after import\n")


def test_list_presets(vitaccel: Run) -> None:
    text = vitaccel("simulate", "--list-presets").out
    names = [preset["name"] for preset in json.loads(vitaccel("simulate", "--list-presets", "--json").out)["presets"]]
    assert {"default", "ecp5-85f", "zcu102"} <= set(names)
    assert all(name in text for name in names)


def test_an_open_batch_is_one_unless_it_is_given(vitaccel: Run, make_model: Callable[..., Path]) -> None:
    model = make_model(batch="N")
    one = json.loads(vitaccel("simulate", model, "--json").out)
    two = json.loads(vitaccel("simulate", model, "--json", "--input-shape", "2x3x8x8").out)
    assert (one["frames"], two["frames"]) == (1, 2)
    assert two["macs"] == 2 * one["macs"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--preset", "zcu12"], "did you mean 'zcu102'?"),
        (["--set", "memory.bus_bit=64"], "did you mean 'bus_bits'?"),
        (["--set", "memry.bus_bits=64"], "did you mean 'memory'?"),
        (["--set", "memory.bus_bits"], "--set must be key=value"),
        (["--set", "memory.bus_bits=wide"], "must be an integer, not 'wide'"),
        (["--pe", "65"], "nearest is 64"),
        (["--pe", "0"], "--pe must be"),
        (["--pe", "-4"], "--pe must be"),
        (["--pe", "64,"], "--pe must be"),
        (["--pe", "16x8"], "square arrays"),
        (["--pe", "many"], "not 'many'"),
        (["--preset", "zcu102", "--arch", "x.toml"], "not from both"),
        (["--arch", "missing.toml"], "must be readable"),
        (["--routing", "unifrom"], "did you mean 'uniform'?"),
        (["--routing", "missing.json"], "routing must be"),
        (["--sort", "tmie"], "did you mean 'time'?"),
        (["--print-after", "schedul"], "did you mean 'schedule'?"),
        (["--top", "-1"], "--top"),
        (["--sotr", "time"], "--sort"),
        (["--input-shape", "1x3xHxW"], "--input-shape must be sizes"),
        (["--input-shape", "1x3x9x9"], "must be 8 as exported, not 9"),
        (["--input-shape", "imag=1x3x8x8"], "did you mean 'image'?"),
        (["--compare", "missing.onnx"], "missing.onnx"),
        (["--csv", "no/such/folder/r.csv"], "directory no/such/folder of output file r.csv must exist"),
    ],
)
def test_a_wrong_flag_is_one_sentence(vitaccel: Run, model: Path, flags: list[str], sentence: str) -> None:
    assert sentence in vitaccel("simulate", model, *flags).refused()


def test_a_wrong_model_is_one_sentence(vitaccel: Run, make_model: Callable[..., Path], tmp_path: Path) -> None:
    good = make_model().read_bytes()
    truncated, text, empty = (tmp_path / name for name in ("truncated.onnx", "text.onnx", "empty.onnx"))
    truncated.write_bytes(good[: len(good) // 2])
    text.write_text("not a model\n" * 50)
    empty.write_bytes(b"")
    for path in (truncated, text, empty, tmp_path, tmp_path / "missing.onnx"):
        assert str(path) in vitaccel("simulate", path).refused()
    assert "Sinh node 'act'" in vitaccel("simulate", make_model("unsupported.onnx", op="Sinh")).refused()
    assert "NaN" in vitaccel("simulate", make_model("nan.onnx", poison=True)).refused()
    assert "--input-shape" in vitaccel("simulate", make_model("open.onnx", side="S")).refused()
    assert "model must be given" in vitaccel("simulate").refused()


def test_missing_external_data_is_one_sentence(vitaccel: Run, make_model: Callable[..., Path], tmp_path: Path) -> None:
    import onnx

    model = onnx.load(make_model())
    path = tmp_path / "external.onnx"
    onnx.save_model(model, path, save_as_external_data=True, location="external.data", size_threshold=0)
    assert vitaccel("simulate", path).code == 0
    (tmp_path / "external.data").unlink()
    assert "external.data" in vitaccel("simulate", path).refused()


def test_a_failure_leaves_no_file(vitaccel: Run, make_model: Callable[..., Path], tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    bad = make_model("unsupported.onnx", op="Sinh")
    flags = [p for f in ("csv", "html", "trace", "json") for p in (f"--{f}", tmp_path / f"r.{f}")]
    vitaccel("simulate", bad, *flags).refused()
    assert {path.name for path in tmp_path.iterdir()} == before | {bad.name}


def test_a_model_is_never_overwritten(vitaccel: Run, model: Path) -> None:
    content = model.read_bytes()
    assert "must be a file of its own, not the input" in vitaccel("simulate", model, "--csv", model).refused()
    assert vitaccel("simulate", "--json", model).code == 0
    assert model.read_bytes() == content


@pytest.fixture
def four_bits(vitaccel: Run, model: Path) -> Path:
    """The small model with int4 weights, as vitaccel quantize writes it."""
    path = model.with_name("small.int4.onnx")
    flags = ["--calibration", "random", "--weight-bits", "4", "--no-bias-correction"]  # which would add parameters
    assert vitaccel("quantize", model, *flags, "-o", path).code == 0
    return path


def test_a_quantized_file_is_predicted_with_its_own_formats(vitaccel: Run, model: Path, four_bits: Path) -> None:
    def record(*arguments: str | Path) -> dict[str, Any]:
        result = vitaccel("simulate", *arguments, "--json")
        assert result.code == 0, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    own, said = record(four_bits), record(model, "--set", "numerics.weight_bits=4")
    assert own["arch"]["numerics"]["weight_bits"] == 4
    assert {key: own[key] for key in own if key != "model"} == {key: said[key] for key in said if key != "model"}
    assert own == record(four_bits, "--set", "numerics.weight_bits=4")
    assert own["dram_bytes"] < record(model)["dram_bytes"]
    columns = record(model, "--compare", four_bits)["columns"]
    assert [column["arch"]["numerics"]["weight_bits"] for column in columns] == [8, 4]


def test_a_machine_that_contradicts_a_quantized_file_is_refused(vitaccel: Run, four_bits: Path, tmp_path: Path) -> None:
    sentence = "numerics.weight_bits must be 4, which the model was quantized for, not 8"
    assert vitaccel("simulate", four_bits, "--set", "numerics.weight_bits=8").refused() == sentence
    (tmp_path / "m.toml").write_text("[numerics]\nweight_bits = 8\n")
    assert vitaccel("simulate", four_bits, "--arch", tmp_path / "m.toml").refused() == sentence


@pytest.mark.parametrize("which", ["model", "four_bits"])
def test_predicting_imports_neither_pytorch_nor_plotly(which: str, request: pytest.FixtureRequest) -> None:
    model: Path = request.getfixturevalue(which)
    code = "import sys; from vitaccel.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "simulate", str(model), "--html", str(model.with_suffix(".html"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "onnx" in loaded
    assert not loaded & {"torch", "plotly", "onnxruntime", "rich"}
