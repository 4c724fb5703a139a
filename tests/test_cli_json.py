"""Every key that a command prints as JSON is documented in docs/json.md, and every documented key is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.backends.rtl.programs import SMALL
from tests.cli.test_synth import BLOCK, Tools
from tests.sim.accelerator.network_folder import Perfect, write_folder
from tests.sim.accelerator.network_folder import model as network_model
from tests.sim.delivery.hls.micro import MACHINE as HLS_MACHINE
from tests.sim.delivery.network.micro import onnx as micro_onnx
from vitaccel.backends.rtl.program_file import encode_program
from vitaccel.cli import main
from vitaccel.frontend import import_model
from vitaccel_rtl.synthesis.seeds import FailedSeed
from vitaccel_sim.accelerator.delivered import read_delivery
from vitaccel_sim.accelerator.expectations import golden_images
from vitaccel_sim.delivery.network.deliver import Network

DOCUMENT = Path(__file__).parents[1] / "docs" / "json.md"


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Every key of a JSON value as the document spells it."""
    if isinstance(value, list):
        for part in value:
            yield from keys(part, f"{path}[]")
    if isinstance(value, dict):
        for key, part in value.items():
            name = "NAME" if path == "input_shapes" else key
            deeper = f"{path}.{name}" if path else name
            yield deeper
            yield from keys(part, deeper)


def documented(heading: str) -> set[str]:
    """Every key in the tables under a heading, with the prefix that the head of its table says."""
    sections = re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)
    (text,) = [section for section in sections if section.startswith(heading)]
    found: set[str] = set()
    prefixes = [""]
    for line in text.splitlines():
        if line.startswith("| key"):
            prefixes = [f"{name}." for name in re.findall(r"`([^`]+)`", line)] or [""]
        elif line.startswith("| `"):
            named = line if len(prefixes) > 1 else line.split(" | ")[0]
            found |= {prefix + key for prefix in prefixes for key in re.findall(r"`([^`]+)`", named)}
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """One linear layer."""
    weight = numpy_helper.from_array(np.ones((8, 4), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 4])],
        [weight],
    )
    path = tmp_path / "one.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main([str(argument) for argument in arguments]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert record["schema_version"] == 1
    return record


OF_EXPERTS = ("experts[].", "cycles_by_routing.")
"""Keys that only a mixture of experts has."""


OF_A_DEVICE = ("area.", "at_predicted_clock.")
"""Keys that only a machine has that names its device, and is faster than that."""


def of_one_simulation(*, experts: bool, device: bool = False) -> set[str]:
    every = documented("`vitaccel simulate MODEL.onnx --json`")
    absent = (*(() if experts else OF_EXPERTS), *(() if device else OF_A_DEVICE))
    return {key for key in every if not key.startswith(absent)} if absent else every


def test_simulate(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "simulate", model, "--json")
    assert set(keys(record)) == of_one_simulation(experts=False)


def test_simulate_on_a_device(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "simulate", model, "--preset", "ecp5-85f", "--json")
    assert set(keys(record)) == of_one_simulation(experts=False, device=True)


def test_simulate_experts(exported: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "simulate", exported("m3vit-micro"), "--json")
    assert set(keys(record)) == of_one_simulation(experts=True)


def test_columns(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "simulate", model, "--pe", "16,64", "--json")
    assert set(record) == documented("Several columns")
    for column in record["columns"]:
        assert set(keys(column)) == of_one_simulation(experts=False)


def test_presets(capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "simulate", "--list-presets", "--json")
    assert set(record) == documented("`vitaccel simulate --list-presets --json`")
    of_a_machine = {key for key in documented("`vitaccel simulate MODEL.onnx --json`") if key.startswith("arch.")}
    for preset in record["presets"]:
        assert set(keys({"arch": preset})) == of_a_machine | {"arch"}


def test_the_kinds_of_layers_that_are_named_are_printed(
    exported: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    line = next(line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `layers[].op`"))
    named = set(re.findall(r"`([^`]+)`", line)) - {"layers[].op"}
    record = printed(capsys, "simulate", exported("vit-micro"), "--json")
    assert len(named) >= 3
    assert named <= {layer["op"] for layer in record["layers"]}


def test_disasm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "program.bin"
    path.write_bytes(encode_program(SMALL))
    record = printed(capsys, "disasm", path, "--json")
    for instruction in record["instructions"]:
        for part in ("waits", "fields"):
            instruction[part] = dict.fromkeys(["NAME"] * bool(instruction[part]))
    assert set(keys(record)) == documented("`vitaccel disasm PROGRAM.bin --json`")


def test_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.setattr("vitaccel_sim.accelerator.acceptance.verify", Perfect(wrong=0))
    folder = write_folder(tmp_path, "vit", pytestconfig.option.seed)
    assert main(["verify", str(folder), "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert set(keys(record)) == documented("`vitaccel verify DIR --json`")


def test_synth(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.sv").write_text(BLOCK)
    tools = Tools()
    tools.failed = (FailedSeed(seed=2, sentence="no"),)
    monkeypatch.setattr("vitaccel_rtl.synthesis.implement.implement", tools)
    record = printed(capsys, "synth", tmp_path, "--json")
    assert set(keys(record)) == documented("`vitaccel synth DIR --json`")


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "doctor", "--json")
    assert set(keys(record)) == documented("`vitaccel doctor")


def test_gen_rtl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "gen-rtl", "--block", "exp2", "--lanes", "1", "-o", tmp_path, "--json")
    assert set(keys(record)) == documented("`vitaccel gen-rtl --block")


def test_gen_rtl_of_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    (tmp_path / "in").mkdir()
    delivered = read_delivery(write_folder(tmp_path / "in", "vit", pytestconfig.option.seed))
    made = Network(
        model=network_model("vit", pytestconfig.option.seed),
        onnx=b"",
        hardware=delivered.hardware,
        instructions=1,
        images=tuple(golden_images(delivered.golden)),
        cycles=1000,
    )
    monkeypatch.setattr("vitaccel_sim.delivery.network.deliver.deliver_network", lambda *_, **__: made)
    record = printed(capsys, "gen-rtl", delivered.model, "-o", tmp_path / "out", "--json")
    record["arch"] = None
    assert set(keys(record)) == documented("`vitaccel gen-rtl MODEL")


def test_gen_hls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "micro.onnx").write_bytes(micro_onnx())
    record = printed(capsys, "gen-hls", tmp_path / "micro.onnx", *HLS_MACHINE, "-o", tmp_path / "out", "--json")
    record["arch"] = None
    assert set(keys(record)) == documented("`vitaccel gen-hls MODEL")


def test_gen_rtl_list(capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "gen-rtl", "--list-blocks", "--json")
    assert set(keys(record)) == documented("`vitaccel gen-rtl --list-blocks")


def test_inspect(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "inspect", model, "--json")
    assert set(keys(record)) == documented("`vitaccel inspect")
    assert record["model"] == model.stem != record["graph"].split()[1]


def test_export_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(keys(printed(capsys, "export", "--list", "--json"))) == documented("`vitaccel export")


def test_numerics(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(keys(printed(capsys, "numerics", "--json"))) == documented("`vitaccel numerics")


def of_one_evaluation(*, experts: bool) -> set[str]:
    every = documented("`vitaccel evaluate MODEL --json`")
    return {key for key in every if experts or not key.startswith(("gates[].", "routing."))}


def test_evaluate(capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "evaluate", "vit-micro", "--images", "2", "--json")
    assert set(keys(record)) == of_one_evaluation(experts=False)


def test_evaluate_experts(capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "evaluate", "m3vit-micro", "--images", "2", "--json")
    assert set(keys(record)) == of_one_evaluation(experts=True)


def test_evaluate_all_modes(capsys: pytest.CaptureFixture[str]) -> None:
    record = printed(capsys, "evaluate", "vit-micro", "--images", "1", "--softmax", "all", "--json")
    assert set(record) == documented("`vitaccel evaluate MODEL --softmax all --json`")
    assert len(record["modes"]) == 6
    for mode in record["modes"]:
        assert set(keys(mode)) == of_one_evaluation(experts=False)


def test_quantize_and_run(exported: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, quantized, images = exported("vit-micro", exporter="legacy"), tmp_path / "q.onnx", tmp_path / "x.npy"
    record = printed(capsys, "quantize", source, "--calibration", "random", "-o", quantized, "--json")
    assert set(keys(record)) == documented("`vitaccel quantize")
    shape = import_model(source).input_shapes["image"]
    np.save(images, np.zeros(shape, np.float32))
    expected = documented("`vitaccel run")
    for model, flags in ((quantized, ()), (source, ("--float",))):
        ran = printed(capsys, "run", model, "--input", images, "-o", tmp_path / "y.npy", "--json", *flags)
        assert {key for key in keys(ran) if not key.startswith("arch.")} == expected
