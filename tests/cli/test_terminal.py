from __future__ import annotations

import io
import sys

import pytest

from vitaccel.cli.terminal import progress, show
from vitaccel.report.table import Column, Table

TABLE = Table("Fruit", (Column("name"), Column("colour", spare=1)), (("apple", "red"),))


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard output and standard error one terminal of 40 columns; pytest undoes that before a test begins."""
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    show([TABLE, TABLE])
    text = "Fruit\nname   colour\n-------------\napple  red\n"
    assert capsys.readouterr().out == f"{text}\n{text}"


def test_a_terminal_gets_colours_and_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    show([TABLE])
    assert "\x1b[" in terminal.getvalue()
    assert "apple" in terminal.getvalue()
    terminal.truncate(0)
    monkeypatch.setenv("COLUMNS", "10")
    show([TABLE])
    assert "colour" not in terminal.getvalue().partition("left")[0]


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    show([TABLE])
    assert "\x1b[3" not in terminal.getvalue()
    assert "apple" in terminal.getvalue()


def test_progress_is_shown_on_a_terminal_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    with progress("vit") as say:
        say("importing [bold]")
    text = terminal.getvalue()
    assert "vit" in text
    assert text.endswith("\x1b[2K") or "\x1b[2K" in text.rpartition("vit")[2]


def test_progress_in_a_pipe_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("vit") as say:
        say("importing")
    assert capsys.readouterr() == ("", "")
