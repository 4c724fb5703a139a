from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from vitaccel import __version__
from vitaccel.cli import ToldToEnd, interrupted
from vitaccel.cli.outcome import Session, debug_option, explain, finish
from vitaccel.errors import CapacityError, ModelError

Run = Callable[..., Any]
CODE = "import sys; from vitaccel.cli import main; sys.exit(main())"


def spawn(*arguments: str | Path, **how: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


def failing(error: BaseException) -> click.Command:
    @click.command()
    @debug_option
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ModelError("model must be ONNX,\n not a poem"), 2, "error: model must be ONNX, not a poem"),
        (CapacityError("it must fit"), 1, "error: it must fit"),
        (click.UsageError("No such thing."), 2, "error: no such thing"),
        (OSError(28, "No space left on device", "x.csv"), 2, "error: no space left on device: x.csv"),
        (MemoryError(), 2, "error: there must be more memory for a model of this size"),
        (
            KeyError("k"),
            70,
            "error: unexpected KeyError: 'k'; this is a defect of vitaccel, please rerun with --debug",
        ),
        (ValueError(), 70, "error: unexpected ValueError; this is a defect of vitaccel, please rerun with --debug"),
    ],
)
def test_every_failure_is_one_line(error: Exception, code: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert finish(failing(error), [], Session()) == code
    assert capsys.readouterr() == ("", line + "\n")


def test_debug_shows_the_traceback_wherever_it_stands(vitaccel: Run) -> None:
    for order in (["--debug", "simulate", "missing.onnx"], ["simulate", "missing.onnx", "--debug"]):
        result = vitaccel(*order)
        assert result.code == 2
        assert "Traceback" in result.err
        assert result.err.splitlines()[-1].startswith("error: ")


def test_an_interrupt_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with_tool = KeyboardInterrupt()
    with_tool.add_note("Yosys had not ended; its log is x.log")
    for error, said in ((KeyboardInterrupt(), ""), (click.Abort(), ""), (with_tool, f": {with_tool.__notes__[0]}")):
        assert finish(failing(error), [], Session()) == 130
        assert capsys.readouterr() == ("", f"interrupted{said}\n")


def test_a_signal_that_ends_a_command_is_told_as_an_interrupt_is(capsys: pytest.CaptureFixture[str]) -> None:
    wrapped = OSError(5, "Input/output error")
    wrapped.__context__ = ToldToEnd(129)
    for error, code in ((ToldToEnd(143), 143), (wrapped, 129)):
        assert finish(failing(error), [], Session()) == code
        assert capsys.readouterr() == ("", "interrupted\n")


def test_an_interrupt_without_standard_error_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

    for stream in (None, Gone()):
        monkeypatch.setattr(sys, "stderr", stream)
        assert interrupted(KeyboardInterrupt()) == 130


def await_reading(pid: int) -> None:
    """Wait until a process reads: it would not notice a signal between Python's opening and reading of a FIFO."""
    waits = Path(f"/proc/{pid}/wchan")
    for _ in range(200):  # two seconds at most, where a system does not tell
        if waits.exists() and "pipe" in waits.read_text():
            return
        time.sleep(0.01)


def test_a_real_interrupt_ends_the_process_with_one_line(tmp_path: Path) -> None:
    fifo = tmp_path / "never.onnx"
    os.mkfifo(fifo)
    process = spawn("run", "--float", fifo, "--input", fifo, "-o", tmp_path / "y.npy")
    with fifo.open("wb"):  # opened from both ends: the command now waits for bytes that never come
        await_reading(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")


def test_a_reader_that_goes_away_is_no_error(model: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", CODE, "simulate", str(model)]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_under_standard_output_is_one_sentence(model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", CODE, "simulate", str(model), "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr == b"error: no space left on device\n"


@pytest.mark.parametrize(("closed", "out", "err"), [(">&-", b"", b"error: x.onnx must exist\n"), ("2>&-", b"", b"")])
def test_closed_streams_change_no_exit_code(closed: str, out: bytes, err: bytes, tmp_path: Path) -> None:
    command = f'exec "$0" -c "$1" simulate x.onnx {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable, CODE], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, out, err)


def test_a_table_may_go_to_a_closed_stream(model: Path) -> None:
    command = ["sh", "-c", 'exec "$0" -c "$1" simulate "$2" >&-', sys.executable, CODE, str(model)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_and_version(vitaccel: Run) -> None:
    assert vitaccel("--version").out == f"vitaccel {__version__}\n"
    for arguments in ([], ["--help"]):
        result = vitaccel(*arguments)
        assert result.code == 0
        for command in ("simulate", "export", "inspect", "run"):
            assert command in result.out


def test_explain_keeps_the_exit_code_of_an_error() -> None:
    assert explain(CapacityError("x must fit")) == ("x must fit", 1)
