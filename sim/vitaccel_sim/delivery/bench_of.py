"""Which bench belongs to a block, and what that bench is told."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitaccel.backends.rtl.generate import Generated
from vitaccel.errors import BlockError
from vitaccel_sim.bench.part import cases_of, part
from vitaccel_sim.traffic.catalog import TRAFFIC

STREAM_BENCH = "vitaccel_sim.bench.equality"
"""Of every block with the streams ``i`` and ``o``."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A bench and its vectors.

    Parameters
    ----------
    module
        Importable, with cocotb tests.
    parameters
        What :func:`vitaccel_sim.cocotb_runner.run_bench` is given for it.
    """

    module: str
    parameters: Mapping[str, Any]

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


def bench_of(generated: Generated, seed: int) -> Bench:
    """Return the bench of a block with words that *seed* chooses.

    Raises
    ------
    BlockError
        If there is none: a block is not delivered without.
    """
    if generated.block.name not in TRAFFIC:
        raise BlockError(f"block {generated.block.name} must have a bench to be delivered with, and it has none")
    traffic = TRAFFIC[generated.block.name]
    cases = cases_of(traffic, generated.options, seed)
    setup = traffic.setup(generated.options)
    return Bench(module=STREAM_BENCH, parameters={"parts": [part(generated.component, **cases, setup=setup)]})
