"""The vector engine in C++ has every operation that the instruction set gives it."""

from __future__ import annotations

import numpy as np

from tests.hls.routing_case import RESULTS, SUMS, TAKEN, Routing
from vitaccel_rtl.accelerator.isa import OPERATIONS

CASE = Routing(4, 6, 4, 11, experts=2, choices=1)


def test_a_layer_of_experts_and_lanes() -> None:
    """Tokens of an expert, doubled by the lanes, are added to themselves where they are."""
    assert [each.name for each in OPERATIONS.values() if each.engine == "vector"] == [
        "lane",
        "route",
        "gather",
        "scatter_add",
    ]
    bench = CASE.bench()
    sums = CASE.values
    bench.put(SUMS, CASE.in_rows(sums), width=2)
    bench.add_sets(0, 0, 1 << 16, 15)
    bench.add_sets(10, 0, np.full(4, 1 << 16), 15)
    expected = sums.copy()
    for expert in range(2):
        tokens, choice = (each.numpy() for each in CASE.queues.of(expert))
        CASE.add_gather(bench, expert)
        bench.add(
            "lane", function=4, is_wide=1, row_blocks=3, channels=4, last_rows=4, tiles=1, a=TAKEN, a_step=4,
            out=RESULTS, out_step=8, out_plane=4, sets=10,
        )  # fmt: skip
        bench.add(
            "scatter_add", expert=expert, has_expert=1, a=RESULTS, a_step=8, a_plane=4, channels=4, out=SUMS,
            out_step=8, out_plane=4, sets=0,
        )  # fmt: skip
        scores = CASE.scores.numpy()[tokens, choice][:, None]
        # The lanes' set is doubling; the set of the weighing is 2.
        expected[tokens] += (CASE.values[tokens] * 2 * scores * 2 + (1 << 15)) >> 16
    bench.run()
    found = bench.take(SUMS, (CASE.frames * CASE.frame_rows, 4), width=2)
    real = CASE.in_rows(np.ones((CASE.tokens, 1)))[:, 0] > 0
    np.testing.assert_array_equal(found[real], expected)
