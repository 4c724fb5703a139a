"""A tool's process does what it is told, and ends when the one that started it is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vitaccel_rtl.synthesis.tools import PROCESS

WAIT = """
import os, pathlib, time

def run(arguments):
    pathlib.Path("begun").write_text(str(os.getpid()))
    time.sleep(60)
"""

PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-P", *sys.argv[1:]])
"""


def test_a_function_gets_its_arguments_and_its_code_is_the_process(tmp_path: Path) -> None:
    (tmp_path / "wheel.py").write_text("def run(arguments):\n    print(arguments)\n    return 3\n")
    command = [sys.executable, "-P", PROCESS, "wheel", "run", "-p", "x y"]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "['-p', 'x y']\n", "")


def is_running(process: int) -> bool:
    """Whether there is such a process that has not ended: one that nobody waits for is a zombie."""
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "wheel.py").write_text(WAIT)
    command = [sys.executable, "-c", PARENT, PROCESS, "wheel", "run"]
    begun = tmp_path / "begun"
    with subprocess.Popen(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}) as parent:
        until(lambda: begun.exists() and begun.read_text())
        tool = int(begun.read_text())
        assert is_running(tool)
        parent.kill()
    until(lambda: not is_running(tool))


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so, for 20 seconds at most."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
