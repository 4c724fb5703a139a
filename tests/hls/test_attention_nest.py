"""Attention in C++: heads of any width, row-blocks and key blocks that are not full."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.attention_bench import OUT, Case

CASES = [
    Case(4, 2, 5, 6, 9, 11, 0),
    Case(4, 1, 3, 4, 1, 1, 0),
    Case(8, 3, 8, 8, 17, 16, 0),
    Case(8, 2, 12, 20, 5, 23, 0, fraction_bits=8),
]


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_the_reference_s(case: Case, width: int) -> None:
    bench = case.bench()
    case.add(bench, width)
    bench.run()
    found = bench.take(OUT, (case.queries, case.heads * case.value_dim), width=width)
    np.testing.assert_array_equal(found, case.expected(8 * width))
    assert np.unique(found).size > 3
