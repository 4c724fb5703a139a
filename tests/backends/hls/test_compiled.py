"""Compiled C++: made once, found again, and what the compiler said of what it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vitaccel.backends.hls import compiled as module
from vitaccel.backends.hls.compiled import CompileError, compiled

SOURCES = {"main.cpp": '#include "part/number.hpp"\nint main() { return NUMBER; }\n', "part/number.hpp": ""}


def with_number(number: int) -> dict[str, str]:
    return SOURCES | {"part/number.hpp": f"#pragma once\nconstexpr int NUMBER = {number};\n"}


def test_a_program_is_made_once_for_the_same_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled(with_number(3), "main.cpp", folder=tmp_path)
    assert subprocess.run([first], check=False).returncode == 3
    assert list(tmp_path.iterdir()) == [first]
    other = compiled(with_number(4), "main.cpp", folder=tmp_path)
    assert other != first
    assert compiled(with_number(4), "main.cpp", flags=("-O0",), folder=tmp_path) not in (first, other)
    monkeypatch.setattr(module.subprocess, "run", None)
    assert compiled(with_number(3), "main.cpp", folder=tmp_path) == first


def test_a_warning_is_an_error_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"g\+\+ must accept main.cpp, and says:\n(.|\n)*unused variable"):
        compiled({"main.cpp": "int main() { int x = 1; }\n"}, "main.cpp", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPILER", "no-such-compiler")
    module._target.cache_clear()
    try:
        with pytest.raises(CompileError, match=r"^no-such-compiler must be installed to compile C\+\+$"):
            compiled(with_number(3), "main.cpp", folder=tmp_path)
    finally:
        module._target.cache_clear()
