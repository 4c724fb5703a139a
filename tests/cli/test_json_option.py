from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel.cli.json_option import json_files, put_json, with_explicit_value
from vitaccel.errors import VitaccelError

Run = Callable[..., Any]


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
        (["m.onnx", "--json", "/dev/stdout"], ["m.onnx", "--json=-"]),
        (["--json=/dev/stdout", "m.onnx"], ["--json=-", "m.onnx"]),
        (["m.onnx", "--json", "/dev/null"], ["m.onnx", "--json=/dev/null"]),
        (["--list", "--json", "vit-tiny"], ["--list", "--json=-", "vit-tiny"]),
        (["--json", "/dev/fd/63"], ["--json=-", "/dev/fd/63"]),  # <(...) of a shell: a model
    ],
)
def test_what_follows_is_a_file_only_if_it_looks_like_one(given: list[str], meant: list[str]) -> None:
    assert with_explicit_value(given) == meant


@pytest.mark.parametrize("before", [[], ["model.onnx"]])
def test_a_file_of_another_name_is_not_taken_for_a_model(before: list[str], vitaccel: Run, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("")
    for word in ("out.txt", "folder/out.jsn", str(tmp_path / "there.csv")):
        sentence = vitaccel("simulate", *before, "--json", word).refused()
        assert sentence == (
            f"--json must be followed by a .json file or by MODEL.onnx, not {word!r}; "
            f"--json={word} writes to a file of any name"
        )


def test_what_the_command_reads_is_not_refused_and_is_named_as_its_usage_does() -> None:
    assert with_explicit_value(["--json", "program.bin"], reads="PROGRAM.bin") == ["--json=-", "program.bin"]
    for reads, others in (("PROGRAM.bin", " or by PROGRAM.bin"), ("DIR", " or by DIR"), ("", "")):
        with pytest.raises(VitaccelError, match=rf"^--json must be followed by a \.json file{others}, not 'a.html'; "):
            with_explicit_value(["--json", "a.html"], reads=reads)


@pytest.mark.parametrize(
    ("command", "others"), [("disasm", " or by PROGRAM.bin"), ("gen-rtl", " or by MODEL"), ("doctor", "")]
)
def test_each_command_says_what_it_reads(command: str, others: str, vitaccel: Run) -> None:
    said = vitaccel(command, "--json", "a.html").refused()
    assert said.startswith(f"--json must be followed by a .json file{others}, not 'a.html'; ")


def test_standard_output_by_its_name(vitaccel: Run) -> None:
    plain, named = (vitaccel("simulate", "--list-presets", *flag) for flag in (["--json"], ["--json", "/dev/stdout"]))
    assert named.out == plain.out != ""


def test_files() -> None:
    assert json_files(None) == json_files("-") == []
    assert json_files("r.json") == [Path("r.json")]


def test_put(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_json({"a": 1}, "-")
    assert json.loads(capsys.readouterr().out) == {"a": 1}
    put_json({"a": 2}, str(tmp_path / "r.json"))
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 2}
    assert capsys.readouterr().out == ""
