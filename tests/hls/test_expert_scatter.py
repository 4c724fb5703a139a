"""Scatter-add in C++: what an expert makes, weighed, where its tokens are, and sums that saturate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers
from tests.hls.routing_case import RESULTS, SUMS, Routing
from vitaccel.reference.fixed_point import round_shift, saturate

CASES = [Routing(4, 7, 10, 6), Routing(8, 9, 8, 7, frames=1), Routing(4, 5, 3, 8, frames=3)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_are_those_of_the_interpreter(case: Routing, seed: int) -> None:
    random = np.random.default_rng(seed)
    width = case.channels
    sums = integers(random, 16, case.tokens * width).reshape(case.tokens, width)
    bench, expected = case.bench(), torch.from_numpy(sums.copy())
    bench.put(SUMS, case.in_rows(sums), width=2)
    multiplier, shift = 90_000, 17
    bench.add_sets(6, 0, multiplier, shift)
    for expert in range(2):
        tokens, choice = case.queues.of(expert)
        results = integers(random, 16, 32 * width).reshape(32, width)
        address = RESULTS + expert * 400
        bench.put(address, results, width=2)
        bench.add(
            "scatter_add", expert=expert, has_expert=1, a=address, a_step=2 * width, a_plane=width, channels=width,
            out=SUMS, out_step=2 * width, out_plane=width, sets=6,
        )  # fmt: skip
        product = torch.from_numpy(results[: len(tokens)]) * case.scores[tokens, choice][:, None] * multiplier
        expected[tokens] = saturate(expected[tokens] + round_shift(product, 16 + shift), 16)
    bench.run()
    found = bench.take(SUMS, (case.frames * case.frame_rows, width), width=2)
    real = case.in_rows(np.ones((case.tokens, 1)))[:, 0] > 0
    np.testing.assert_array_equal(found[real], expected.numpy())
