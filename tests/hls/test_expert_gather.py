"""Gathering in C++: an expert's tokens in the order of its queue, zeros behind them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.machine_bench import Bench
from tests.hls.routing_case import TAKEN, Routing

CASES = [Routing(4, 7, 10, 0), Routing(8, 9, 8, 1), Routing(4, 3, 5, 2, experts=2, choices=1, frames=1)]


def taken(case: Routing, expert: int) -> tuple[Bench, np.ndarray]:
    bench = case.bench()
    bench.words[TAKEN : TAKEN + 300] = 77
    case.add_gather(bench, expert)
    bench.run()
    return bench, case.queues.of(expert)[0].numpy()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_tokens_are_those_of_the_queue(case: Routing) -> None:
    for expert in range(case.experts):
        bench, tokens = taken(case, expert)
        rows = -(-len(tokens) // case.side) * case.side
        expected = np.zeros((rows, case.channels), np.int64)
        expected[: len(tokens)] = case.values[tokens]
        if rows:
            np.testing.assert_array_equal(bench.take(TAKEN, expected.shape), expected)
        assert (bench.words[TAKEN + rows // case.side * case.channels : TAKEN + 300] == 77).all()
