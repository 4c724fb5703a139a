"""Benchmarks as modules, and documents that must show what a benchmark prints."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def benchmark_module() -> Iterator[Callable[[str], ModuleType]]:
    """Return ``load(stem)``, which imports ``benchmarks/<stem>.py``."""
    with pytest.MonkeyPatch.context() as patch:

        def load(stem: str) -> ModuleType:
            spec = importlib.util.spec_from_file_location(stem, ROOT / "benchmarks" / f"{stem}.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            patch.setitem(sys.modules, stem, module)  # dataclasses look their module up by name
            spec.loader.exec_module(module)
            return module

        yield load


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Return ``check(document, command, text)``: the text block after the command's block must be *text*.

    With ``--update-golden`` the block is rewritten instead.
    """

    def check(document: str, command: str, text: str) -> None:
        path = ROOT / "docs" / document
        before, found, after = path.read_text(encoding="utf-8").partition(f"```sh\n{command}\n```\n\n```text\n")
        assert found, f"docs/{document} must show the command {command!r} and what it prints"
        old, _, rest = after.partition("```\n")
        if request.config.option.update_golden:
            path.write_text(f"{before}{found}{text}```\n{rest}", encoding="utf-8")
            return
        how = f"docs/{document} is not what {command!r} prints; if the new numbers are right: pytest --update-golden"
        assert old == text, how

    return check
