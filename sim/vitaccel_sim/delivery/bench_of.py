"""Which bench belongs to a block, and what that bench is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vitaccel.backends.rtl.generate import Generated
from vitaccel.errors import BlockError
from vitaccel_sim.bench.part import cases_of, part
from vitaccel_sim.delivery.bench import Bench
from vitaccel_sim.delivery.dma import dma_bench
from vitaccel_sim.traffic.catalog import TRAFFIC

STREAM_BENCH = "vitaccel_sim.bench.equality"
"""Of every block with the streams ``i`` and ``o``."""

OTHER_BENCHES: Mapping[str, Callable[[Generated, int], Bench]] = {"dma-read": dma_bench, "dma-write": dma_bench}
"""Of blocks with other ports: from a block and the seed of its words."""


def has_bench(name: str) -> bool:
    """Whether a block can be delivered."""
    return name in TRAFFIC or name in OTHER_BENCHES


def bench_of(generated: Generated, seed: int) -> Bench:
    """Return the bench of a block with words that *seed* chooses.

    Raises
    ------
    BlockError
        If there is none: a block is not delivered without.
    """
    name = generated.block.name
    if not has_bench(name):
        raise BlockError(f"block {name} must have a bench to be delivered with, and it has none")
    if name in OTHER_BENCHES:
        return OTHER_BENCHES[name](generated, seed)
    traffic = TRAFFIC[name]
    cases = cases_of(traffic, generated.options, seed)
    setup = traffic.setup(generated.options)
    return Bench(module=STREAM_BENCH, parameters={"parts": [part(generated.component, **cases, setup=setup)]})
