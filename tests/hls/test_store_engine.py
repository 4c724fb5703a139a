"""Stores in C++: words to rows, of a word that is not whole only its first bytes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.machine_bench import Bench


@pytest.mark.parametrize("rest", [0, 3])
@pytest.mark.parametrize("side", [4, 8, 12])
def test_rows_are_written_and_nothing_between_them(side: int, rest: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, row_words, stride, step = 3, 3, 5 * side, 7
    row_bytes = row_words * side - rest
    bench = Bench(side)
    bench.words[:100] = random.integers(0, 256, (100, side))
    before = bytes([77]) * (rows * stride)
    address = bench.in_memory(before)
    bench.add(
        "store", dram=address, address=20, rows=rows, row_bytes=row_bytes, row_words=row_words, stride_bytes=stride,
        step=step,
    )  # fmt: skip
    bench.run()
    expected = np.frombuffer(before, np.uint8).copy()
    for row in range(rows):
        words = bench.words[20 + row * step : 20 + row * step + row_words].reshape(-1)
        expected[row * stride : row * stride + row_bytes] = words[:row_bytes]
    np.testing.assert_array_equal(bench.model.memory(address, len(before)), expected)
