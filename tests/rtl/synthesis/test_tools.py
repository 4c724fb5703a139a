"""What a tool does is told while it runs; how it ended is one sentence."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import pytest

from tests.rtl.synthesis.fake import fake_tool
from vitaccel_rtl.synthesis import tools
from vitaccel_rtl.synthesis.builds import cached
from vitaccel_rtl.synthesis.tools import LOG, YOSYS, SynthesisError


def test_a_missing_tool_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(tools.importlib.metadata, "version", missing)
    with pytest.raises(
        SynthesisError, match=r"^Yosys must be installed, and it is not: pip install 'vitaccel\[synth\]'$"
    ):
        cached(YOSYS, ("-V",), {}, tmp_path)


def test_a_tool_that_refuses_says_why(tmp_path: Path) -> None:
    with pytest.raises(SynthesisError, match=r"^Yosys must accept the component, but says: No such command: grow"):
        YOSYS.run(("-p", "grow"), tmp_path)
    assert "grow" in (tmp_path / LOG).read_text()


def test_what_a_tool_does_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    YOSYS.run(("-q", "-p", "design -reset; proc"), tmp_path, say=said.append)
    assert said[0] == "Yosys: PROC pass (convert processes to netlists)"


LOGIC = {"top.v": "module top(input a, b, output o); assign o = a & ~b; endmodule\n"}
AROUND_ABC = "read_verilog top.v; techmap; abc -lut 4; opt_clean"


def test_what_a_tool_says_after_abc_is_told_and_in_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    made = cached(YOSYS, ("-q", "-p", AROUND_ABC), LOGIC, tmp_path, say=said.append)
    assert said[-1] == "Yosys: OPT_CLEAN pass (remove unused cells and wires)"
    assert "Executing OPT_CLEAN pass" in (made / LOG).read_text()
    assert {path.name for path in made.iterdir()} == {"top.v", LOG}
    with pytest.raises(SynthesisError, match=r"^Yosys must accept the component, but says: No such command: grow"):
        cached(YOSYS, ("-q", "-p", f"{AROUND_ABC}; grow"), LOGIC, tmp_path)


def test_a_trap_of_a_real_tool_is_no_fault_of_the_component(tmp_path: Path) -> None:
    deep = 60_000
    nested = f"module top(input a, output o); assign o = {'~(' * deep}a{')' * deep}; endmodule\n"
    (tmp_path / "top.v").write_text(nested)
    with pytest.raises(SynthesisError, match=r"^Yosys ended in a trap of WebAssembly \(call stack exhausted\)$"):
        YOSYS.run(("-q", "-p", "read_verilog top.v"), tmp_path)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            "Caused by:\n    wasm trap: wasm `unreachable` instruction executed",
            "wasm `unreachable` instruction executed",
        ),
        ("libc++abi: terminating due to uncaught exception of type std::bad_alloc: std::bad_alloc", "bad_alloc"),
    ],
)
def test_too_little_memory_is_said_with_what_needs_less(
    said: str, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = fake_tool(monkeypatch, tmp_path / "wheels", f"print({said!r})\nreturn 1", needs_less="cut it up")
    with pytest.raises(SynthesisError) as error:
        tool.run((), tmp_path)
    sentence = f"Fake ended in a trap of WebAssembly ({kind}), which has 4 GB of memory at most; cut it up"
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("KILL", "Fake was ended by signal 9 (SIGKILL): there may be too little memory"),
        ("SEGV", "Fake was ended by signal 11 (SIGSEGV)"),
        ("RTMIN + 1", "Fake was ended by signal 35"),
    ],
)
def test_a_tool_that_a_signal_ended_is_not_blamed_on_the_component(
    number: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = f"print('ERROR: harmless', flush=True)\nos.kill(os.getpid(), signal.SIG{number})\ntime.sleep(60)"
    tool = fake_tool(monkeypatch, tmp_path / "wheels", body)
    with pytest.raises(SynthesisError) as error:
        tool.run((), tmp_path)
    assert str(error.value) == said


def test_temporary_files_are_in_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = fake_tool(monkeypatch, tmp_path / "wheels", "import tempfile\ntempfile.mkdtemp(prefix='left_')\nreturn 0")
    run = tmp_path / "run"
    run.mkdir()
    tool.run((), run)
    assert [path.name[:5] for path in run.iterdir() if path.is_dir()] == ["left_"]
    assert os.environ.get("TMPDIR") != str(run)
