from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from vitaccel.cli import COMMANDS

Run = Callable[..., Any]


def test_a_mistyped_command_gets_the_nearest(vitaccel: Run) -> None:
    sentence = vitaccel("simulte", "model.onnx").refused()
    assert sentence == (f"command must be one of {', '.join(COMMANDS)}, not 'simulte' (did you mean 'simulate'?)")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(vitaccel: Run, name: str) -> None:
    result = vitaccel(name, "--help")
    assert result.code == 0
    assert "--debug" in result.out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from vitaccel.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & {"torch", "onnx", "numpy", "rich", "plotly"}
