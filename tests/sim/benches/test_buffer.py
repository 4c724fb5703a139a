from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.buffer import BUFFER as BLOCK
from vitaccel_sim.bench.buffer_model import Point
from vitaccel_sim.benches.buffer import BUFFER, point_of


@pytest.mark.parametrize("place", range(len(BUFFER.points)))
def test_a_point_of_the_bench_makes_the_ports_of_the_block(place: int) -> None:
    options = BUFFER.points[place]
    block = BLOCK.component(**options)
    point = Point(**point_of(block, options, 0))
    assert point.policy == ("round-robin" if options["round_robin"] else "fixed")
    assert point.build().signature == block.signature
