"""A bench that is delivered: where its tests are, and what it is told."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A bench and its vectors.

    Parameters
    ----------
    module
        Importable, with cocotb tests.
    parameters
        What :func:`vitaccel_sim.cocotb_runner.run_bench` is given for it.
    draws_words
        Whether it draws words itself, by the seed of a run; else they are among the parameters.
    """

    module: str
    parameters: Mapping[str, Any]
    draws_words: bool = False

    @property
    def tests(self) -> dict[str, str]:
        """The names of its tests with what each checks, read from its source: cocotb is not needed for that."""
        found = importlib.util.find_spec(self.module)
        assert found is not None
        assert found.origin is not None
        functions = ast.parse(Path(found.origin).read_text(encoding="utf-8")).body
        return {
            function.name: (ast.get_docstring(function) or "").partition("\n")[0]
            for function in functions
            if isinstance(function, ast.AsyncFunctionDef)
            and any("cocotb.test" in ast.unparse(decorator) for decorator in function.decorator_list)
        }
