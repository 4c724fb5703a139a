from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from vitaccel import zoo
from vitaccel.cli.export import model_options
from vitaccel.errors import VitaccelError

Run = Callable[..., Any]

LEGACY = ("--exporter", "legacy", "--opset", "13", "--set", "attention=eager")


def test_a_model_arrives_with_its_options_and_can_be_simulated(vitaccel: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    options = ["--grid", "3", "--set", "reuse=pre_softmax_T", "--set", "depth=1", "--dynamic-batch"]
    result = vitaccel("export", "lookupvit-micro", "-o", path, *LEGACY, *options)
    assert result.code == 0
    assert result.out == ""
    assert result.err.splitlines()[-1].startswith(f"wrote {path} (")
    model = onnx.load(path)
    assert model.opset_import[0].version == 13
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert list(tmp_path.iterdir()) == [path]
    record = json.loads(vitaccel("simulate", path, "--json").out)
    kwargs = {"grid": 3, "reuse": "pre_softmax_T", "depth": 1}
    built = zoo.build("lookupvit-micro", **kwargs)
    assert record["params"] == zoo.count_parameters(built)


def test_experts_are_predicted_under_each_routing(vitaccel: Run, tmp_path: Path) -> None:
    path = tmp_path / "m3vit.onnx"
    assert vitaccel("export", "m3vit-micro", "-o", path, *LEGACY, "--set", "moe_style=dense_list").code == 0
    uniform, worst = (
        json.loads(vitaccel("simulate", path, "--routing", routing, "--json").out) for routing in ("uniform", "worst")
    )
    assert (uniform["routing"], worst["routing"]) == ("uniform", "worst")
    assert uniform["macs"] == worst["macs"] < uniform["macs_dense"]
    assert "routed" in vitaccel("simulate", path).out
    layers = [layer for layer in uniform["layers"] if layer["op"] == "moe"]
    queues = tmp_path / "queues.json"
    queues.write_text(json.dumps({layer["name"]: [22, 22, 0, 0, 0, 0, 0] for layer in layers}))
    traced = json.loads(vitaccel("simulate", path, "--routing", queues, "--json").out)
    assert traced["routing"] == f"trace {queues}"
    queues.write_text("[1, 2]")
    assert "must map layer names" in vitaccel("simulate", path, "--routing", queues).refused()


def test_external_data_and_precision(vitaccel: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    flags = [*LEGACY, "--external-data", "--precision", "fp16", "--seed", "3", "--batch", "2"]
    assert vitaccel("export", "vit-micro", "-o", path, *flags).code == 0
    assert {file.name for file in tmp_path.iterdir()} == {"model.onnx", "model.onnx.data"}
    assert json.loads(vitaccel("simulate", path, "--json").out)["frames"] == 2


def test_list(vitaccel: Run) -> None:
    text = vitaccel("export", "--list").out
    record = json.loads(vitaccel("export", "--list", "--json").out)
    assert [model["name"] for model in record["models"]] == [model.name for model in zoo.models()]
    assert all(model.name in text for model in zoo.models())
    one = vitaccel("export", "--list", "lookupvit-tiny").out
    assert "grid" in one
    assert "3 or 5 or 7 or 10" in one


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["vit-tny", "-o", "x.onnx"], "did you mean 'vit-tiny'?"),
        (["vit-tiny"], "an output file must be given, as in vitaccel export vit-tiny -o vit-tiny.onnx"),
        ([], "a model must be named"),
        (["vit-micro", "-o", "no/folder/x.onnx"], "directory no/folder of output file x.onnx must exist"),
        (["vit-micro", "-o", "x.pb"], "must end in .onnx"),
        (["vit-micro", "-o", "x.onnx", "--set", "dept=3"], "did you mean 'depth'?"),
        (["vit-micro", "-o", "x.onnx", "--set", "depth"], "--set must be option=value"),
        (["vit-micro", "-o", "x.onnx", "--grid", "5"], "not 'grid'"),
        (["lookupvit-tiny", "-o", "x.onnx", "--grid", "4"], "must be 3 or 5 or 7 or 10, not 4"),
        (["vit-micro", "-o", "x.onnx", "--opset", "nine"], "'nine' is not a valid integer"),
        (["vit-micro", "-o", "x.onnx", "--exporter", "legcy"], "must be dynamo or legacy, not 'legcy'"),
        (["vit-micro", "-o", "x.onnx", "--opset", "5"], "5"),
        (["vit-micro", "-o", "x.onnx", "--precision", "fp8"], "fp8"),
        (["vit-micro", "-o", "x.onnx", "--weights", "missing.pt"], "missing.pt"),
        (["vit-micro", "-o", "x.onnx", "--json"], "--json must come with --list"),
    ],
)
def test_a_wrong_request_is_one_sentence(
    vitaccel: Run, arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sentence in vitaccel("export", *arguments).refused()
    assert list(tmp_path.iterdir()) == []


def test_the_help_says_which_opsets_each_exporter_writes(vitaccel: Run) -> None:
    from vitaccel.zoo.exporters import OPSETS

    dynamo, legacy = OPSETS["dynamo"], OPSETS["legacy"]
    said = f"{dynamo.start} to {dynamo.stop - 1}, or with legacy {legacy.start} to {legacy.stop - 1}"
    assert said in " ".join(vitaccel("export", "--help").out.split())


def test_options() -> None:
    assert model_options(["image-size=384", "gelu = tanh", "a=b=c"]) == {
        "image_size": "384",
        "gelu": "tanh",
        "a": "b=c",
    }
    with pytest.raises(VitaccelError, match="--set must be option=value, as in --set depth=6, not '=3'"):
        model_options(["=3"])


def test_listing_and_mistakes_need_no_pytorch() -> None:
    code = (
        "import sys; from vitaccel.cli import main; main(['export', '--list']); main(['export', 'vit-tny']); "
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"
