"""Which bench belongs to a block, and what that bench is told."""

from __future__ import annotations

from vitaccel.backends.rtl.generate import Generated
from vitaccel.errors import BlockError
from vitaccel_sim.bench.part import cases_of, part
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.delivery.bench import Bench
from vitaccel_sim.traffic.catalog import TRAFFIC

STREAM_BENCH = "vitaccel_sim.bench.equality"
"""Of every block with the streams ``i`` and ``o``."""


def has_bench(name: str) -> bool:
    """Whether a block can be delivered."""
    return name in TRAFFIC or name in BENCHES


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
    if name in BENCHES:
        own = BENCHES[name]
        parameters = own.parameters(generated.component, generated.options, seed)
        return Bench(module=own.module, parameters=parameters, draws_words=own.draws_words)
    traffic = TRAFFIC[name]
    cases = cases_of(traffic, generated.options, seed)
    setup = traffic.setup(generated.options)
    return Bench(module=STREAM_BENCH, parameters={"parts": [part(generated.component, **cases, setup=setup)]})
