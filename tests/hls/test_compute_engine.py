"""The compute engine in C++: an expert's matmul has the rows of its queue, and none of an empty one."""

from __future__ import annotations

import numpy as np

from tests.hls.machine_bench import weight_tile
from tests.hls.routing_case import RESULTS, TAKEN, Routing
from tests.hls.test_matmul_nest import drawn, expected, sets_of
from vitaccel.ir.parameters import encode_sets

CASE = Routing(4, 7, 6, 9, experts=9)


def test_rows_are_those_of_the_queue() -> None:
    lengths = CASE.queues.lengths.tolist()
    assert max(lengths) > 4
    b, sets = drawn(1, 6, 4), sets_of(2, 4)
    for expert, length in enumerate(lengths):
        bench = CASE.bench()
        bench.words[RESULTS : RESULTS + 100] = 77
        bench.add_load("weight", 0, weight_tile(b, encode_sets(*sets), 4))
        CASE.add_gather(bench, expert)
        bench.add(
            "matmul", expert=expert, has_expert=1, a=TAKEN, a_step=6, depth=6, row_blocks=99, n_tiles=1,
            b_step=14, out=RESULTS, out_step=4, out_tile_step=4, last_rows=4,
        )  # fmt: skip
        bench.run()
        blocks = -(-length // 4)
        tokens = CASE.queues.of(expert)[0].numpy()
        if length:
            found = bench.take(RESULTS, (4 * blocks, 4))[:length]
            np.testing.assert_array_equal(found, expected(CASE.values[tokens], b, sets))
        assert (bench.words[RESULTS + 4 * blocks : RESULTS + 100] == 77).all()


def test_some_queue_is_empty_in_a_route_of_few_tokens() -> None:
    case = Routing(4, 1, 4, 10, frames=1, choices=1)
    bench = case.bench()
    empty = case.queues.lengths.tolist().index(0)
    bench.words[RESULTS : RESULTS + 100] = 77
    bench.add("matmul", expert=empty, has_expert=1, depth=4, row_blocks=1, n_tiles=1, out=RESULTS, last_rows=4)
    bench.run()
    assert (bench.words[RESULTS : RESULTS + 100] == 77).all()
