from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitaccel.cli.json_option import json_files, put_json, with_explicit_value


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--json"], ["--json=-"]),
        (["--json", "model.onnx"], ["--json=-", "model.onnx"]),
        (["model.onnx", "--json", "r.json"], ["model.onnx", "--json=r.json"]),
        (["--json", "-", "model.onnx"], ["--json=-", "model.onnx"]),
        (["--json=r.txt"], ["--json=r.txt"]),
        (["--json", "--html", "x.html"], ["--json=-", "--html", "x.html"]),
        (["--", "--json", "r.json"], ["--", "--json", "r.json"]),
    ],
)
def test_what_follows_is_a_file_only_if_it_looks_like_one(given: list[str], meant: list[str]) -> None:
    assert with_explicit_value(given) == meant


def test_files() -> None:
    assert json_files(None) == json_files("-") == []
    assert json_files("r.json") == [Path("r.json")]


def test_put(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_json({"a": 1}, "-")
    assert json.loads(capsys.readouterr().out) == {"a": 1}
    put_json({"a": 2}, str(tmp_path / "r.json"))
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 2}
    assert capsys.readouterr().out == ""
