from __future__ import annotations

import importlib.metadata
import os
import time
from pathlib import Path

import pytest

from vitaccel_rtl.synthesis import builds
from vitaccel_rtl.synthesis.builds import LOG, STALE_S, YOSYS, SynthesisError, cached


def test_a_missing_tool_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(builds.importlib.metadata, "version", missing)
    with pytest.raises(
        SynthesisError, match=r"^Yosys must be installed, and it is not: pip install 'vitaccel\[synth\]'$"
    ):
        cached(YOSYS, ("-V",), {}, tmp_path)


def test_a_tool_that_refuses_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        SynthesisError, match=r"^Yosys must accept the component, but says: No such command: grow"
    ) as error:
        cached(YOSYS, ("-p", "grow"), {}, tmp_path)
    (log,) = tmp_path.iterdir()
    assert str(error.value).endswith(f"; its log is {log}")
    assert "grow" in log.read_text()


def test_what_a_tool_does_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    cached(YOSYS, ("-q", "-p", "design -reset; proc"), {}, tmp_path, say=said.append)
    assert said[0] == "Yosys: PROC pass (convert processes to netlists)"


LOGIC = {"top.v": "module top(input a, b, output o); assign o = a & ~b; endmodule\n"}
AROUND_ABC = "read_verilog top.v; techmap; abc -lut 4; opt_clean"


def test_what_a_tool_says_after_abc_is_told_and_in_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    made = cached(YOSYS, ("-q", "-p", AROUND_ABC), LOGIC, tmp_path, say=said.append)
    assert said[-1] == "Yosys: OPT_CLEAN pass (remove unused cells and wires)"
    assert "Executing OPT_CLEAN pass" in (made / LOG).read_text()
    with pytest.raises(SynthesisError, match=r"^Yosys must accept the component, but says: No such command: grow"):
        cached(YOSYS, ("-q", "-p", f"{AROUND_ABC}; grow"), LOGIC, tmp_path)


def test_an_interrupt_ends_the_tool_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(YOSYS, ("-p", "proc"), {}, tmp_path, say=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_the_same_is_made_once(tmp_path: Path) -> None:
    runs = []

    def run(folder: Path) -> None:
        runs.append(folder)
        (folder / "made").write_text((folder / "source").read_text().upper())

    first = cached(YOSYS, ("-x",), {"source": "a"}, tmp_path, run)
    assert cached(YOSYS, ("-x",), {"source": "a"}, tmp_path, run) == first
    assert len(runs) == 1
    assert (first / "made").read_text() == "A"
    others = {
        cached(YOSYS, ("-y",), {"source": "a"}, tmp_path, run),
        cached(YOSYS, ("-x",), {"source": "b"}, tmp_path, run),
    }
    assert len(others | {first}) == 3


def test_a_run_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def run(folder: Path) -> None:
        (folder / "half").write_text("of it")
        raise SynthesisError("no")

    with pytest.raises(SynthesisError):
        cached(YOSYS, (), {}, tmp_path, run)
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_a_day_ago_by_a_run_that_was_killed_is_cleared_away(tmp_path: Path) -> None:
    old, new = tmp_path / "making-old", tmp_path / "making-new"
    for folder in (old, new):
        (folder / "build").mkdir(parents=True)
    begin = time.time() - STALE_S - 10
    os.utime(old, (begin, begin))
    made = cached(YOSYS, (), {}, tmp_path, lambda _: None)
    assert set(tmp_path.iterdir()) == {new, made}
