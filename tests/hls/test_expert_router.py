"""Routing in C++: queues and gate scores, by what gathering and adding make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.hls.routing_case import RESULTS, SUMS, TAKEN, Routing

PLAIN = Routing(4, 7, 4, 3)
CASES = [
    PLAIN,
    replace(PLAIN, over_chosen=True),
    replace(PLAIN, capacity=3, order="token"),
    replace(PLAIN, capacity=4, order="choice", over_chosen=True, choices=3),
    Routing(8, 5, 4, 4, frames=3, experts=32, choices=4),
    Routing(4, 6, 4, 5, experts=1, choices=1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_queues_and_scores_are_those_of_the_reference(case: Routing) -> None:
    """Results of 2**8 with a factor of 2**-8 leave the scores themselves, a token's choice in each expert's queue."""
    for expert in range(min(case.experts, 6)):
        bench = case.bench()
        case.add_gather(bench, expert)
        tokens, choice = (each.numpy() for each in case.queues.of(expert))
        rows = max(1, -(-len(tokens) // case.side)) * case.side
        bench.put(RESULTS, np.full((rows, 1), 1 << 14), width=2)
        bench.put(SUMS, np.zeros((case.frames * case.frame_rows, 1), np.int64), width=2)
        bench.add_sets(0, 0, 1 << 15, 14)
        bench.add(
            "scatter_add", expert=expert, has_expert=1, a=RESULTS, a_step=2, a_plane=1, channels=1, out=SUMS,
            out_step=2, out_plane=1, sets=0,
        )  # fmt: skip
        bench.run()
        expected = np.zeros(case.tokens, np.int64)
        scores = case.scores.numpy()[tokens, choice]
        expected[tokens] = np.minimum((scores + 1) >> 1, 32767)
        found = bench.take(SUMS, (case.frames * case.frame_rows, 1), width=2)
        np.testing.assert_array_equal(found, case.in_rows(expected))
        if len(tokens):
            np.testing.assert_array_equal(bench.take(TAKEN, (rows, 4))[: len(tokens)], case.values[tokens])
