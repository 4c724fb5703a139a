from __future__ import annotations

import pytest

from vitaccel_sim.benches.block_bench import BlockBench
from vitaccel_sim.benches.stream import ARBITER, ROUTER


@pytest.mark.parametrize("bench", [ARBITER, ROUTER], ids=lambda bench: bench.block)
def test_benches_make_the_block_of_its_options(bench: BlockBench) -> None:
    for point in bench.points:
        assert bench.parameters(None, point, 0) == point
    assert bench.draws_words
