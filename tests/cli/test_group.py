"""The command itself: what it prints alone, and an interrupt while it is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from vitaccel import __version__

Run = Callable[..., Any]

INTERRUPTED = """
import sys
from importlib.abc import MetaPathFinder

class Interrupt(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            {act}

sys.meta_path.insert(0, Interrupt())
from vitaccel.cli import main
sys.argv = ["vitaccel", "simulate", "--list-presets"]
sys.exit(main())
"""


def test_alone_it_prints_its_help_and_its_version(vitaccel: Run) -> None:
    assert "Commands:" in vitaccel().out
    assert vitaccel("--version").out == f"vitaccel {__version__}\n"


@pytest.mark.parametrize("module", ["vitaccel.cli.group", "click", "vitaccel.cli.outcome", "vitaccel.cli.simulate"])
@pytest.mark.parametrize("act", ["raise KeyboardInterrupt", "raise ImportError(name) from KeyboardInterrupt()"])
def test_an_interrupt_while_modules_are_imported_is_one_line(module: str, act: str) -> None:
    """NumPy and others turn an interrupt of their own imports into an ImportError."""
    code = INTERRUPTED.format(module=module, act=act)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"interrupted\n")
