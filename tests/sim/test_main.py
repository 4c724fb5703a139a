"""``python -m vitaccel_sim``: what is not there is told in one sentence, with exit code 2, before anything is built."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from vitaccel_sim import __main__ as command


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nosuch"], "a block must be one of skid-buffer, fifo, "),
        (["fifo", "--point", "99"], "a point of block fifo must be from 0 to "),
        (["fifo", "gelu", "--waves", "waves.vcd"], "--waves must come with one block"),
        (
            ["fifo", "--simulator", "icarus", "--code-coverage"],
            "--code-coverage must be asked of verilator, not of icarus",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_not_there_is_told(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(command.main, arguments)
    assert result.exit_code == 2
    assert f"Error: {sentence}" in result.output


def test_a_simulator_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    result = CliRunner().invoke(command.main, ["fifo", "--simulator", "icarus"])
    assert result.exit_code == 2
    assert "Error: icarus must be installed, and iverilog is not found: vitaccel doctor" in result.output
