"""A tool that is a few lines of Python, in a process of its own as the real ones are."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from vitaccel_rtl.synthesis import tools
from vitaccel_rtl.synthesis.tools import Tool


def fake_tool(monkeypatch: pytest.MonkeyPatch, wheels: Path, body: str, **fields: Any) -> Tool:
    """Return a tool whose function, of ``arguments``, is *body*; its module is written to *wheels*."""
    wheels.mkdir(exist_ok=True)
    code = textwrap.indent(textwrap.dedent(body), "    ")
    (wheels / "fake_wheel.py").write_text(f"import os, pathlib, signal, time\n\ndef run(arguments):\n{code}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(wheels), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(tools.importlib.metadata, "version", lambda _: "1")
    return Tool("Fake", "fake-wheel", "run", **fields)
