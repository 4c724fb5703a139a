"""Attention with kept logits in C++: keys by queries, in two digits of a probability."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.attention_bench import BACK, Case

CASES = [
    Case(4, 2, 5, 6, 9, 11, 1),
    Case(4, 1, 3, 4, 1, 9, 1),
    Case(8, 3, 8, 9, 17, 3, 1),
    Case(8, 2, 12, 16, 30, 8, 1),
]


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_the_reference_s(case: Case, width: int) -> None:
    bench = case.bench()
    case.add(bench, 1, keeps_logits=1, **case.kept)
    case.add_back(bench, width)
    bench.run()
    found = bench.take(BACK, (case.keys, case.heads * case.value_dim), width=width)
    np.testing.assert_array_equal(found, case.expected_back(8 * width))
    assert np.unique(found).size > 3
