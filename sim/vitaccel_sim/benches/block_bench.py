"""A bench of its own: its module, the points at which a block is tried, and what it is told of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class BlockBench:
    """How a block is tried that is not a stream from ``i`` to ``o``.

    Parameters
    ----------
    block
        Its name in the catalog.
    module
        Importable, with cocotb tests and their ``BINS``.
    points
        Options, 5 or more. The first two meet every bin between them.
    parameters
        From a component, all of its options and a seed to what :func:`vitaccel_sim.cocotb_runner.run_bench` is given.
    draws_words
        Whether the bench draws words in the simulator, by the seed of a run; else they are among the parameters.
    """

    block: str
    module: str
    points: tuple[Mapping[str, int], ...]
    parameters: Callable[[Any, Mapping[str, int], int], Mapping[str, Any]]
    draws_words: bool = False
