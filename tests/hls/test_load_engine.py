"""Loads in C++: rows to words, filled up; sets and tables of either width, whatever P is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.machine_bench import Bench

SIDES = pytest.mark.parametrize("side", [4, 8, 12])


@SIDES
def test_rows_go_to_their_words_and_are_filled_up(side: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, row_bytes, stride, step = 3, 2 * side + 3, 5 * side, 7
    content = random.integers(0, 256, rows * stride, dtype=np.uint8)
    bench = Bench(side)
    bench.words[:] = 77
    bench.add(
        "load", dram=bench.in_memory(content.tobytes()), address=20, rows=rows, row_bytes=row_bytes, row_words=3,
        stride_bytes=stride, step=step,
    )  # fmt: skip
    bench.run()
    expected = np.full((60, side), 77, np.uint8)
    for row in range(rows):
        padded = np.zeros(3 * side, np.uint8)
        padded[:row_bytes] = content[row * stride :][:row_bytes]
        expected[20 + row * step : 23 + row * step] = padded.reshape(3, side)
    np.testing.assert_array_equal(bench.words[:60], expected)


@SIDES
def test_sets_are_loaded_from_any_number_on(side: int, seed: int) -> None:
    """A set a channel, used by a conversion."""
    random = np.random.default_rng(seed)
    channels = 7
    multipliers = random.integers(1 << 16, 1 << 17, channels)
    bench = Bench(side)
    bench.put(0, np.full((side, channels), 100))
    bench.add_sets(200, 0, 5, 0)
    bench.add_sets(201, 0, multipliers, 17)
    bench.add_sets(201 + channels, 0, 5, 0)
    bench.add(
        "lane", function=3, row_blocks=1, channels=channels, last_rows=side, tiles=1, a_step=channels, out=100,
        out_step=channels, sets=201,
    )  # fmt: skip
    bench.run()
    expected = (100 * multipliers + (1 << 16)) >> 17
    np.testing.assert_array_equal(bench.take(100, (side, channels)), np.tile(expected, (side, 1)))


@SIDES
@pytest.mark.parametrize("width", [1, 2])
def test_both_tables_are_loaded(side: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    tables = random.integers(-(1 << 8 * width - 1), 1 << 8 * width - 1, (2, 256))
    codes = random.integers(-128, 128, (side, 20))
    bench = Bench(side)
    bench.put(0, codes)
    bench.add_sets(0, 0, 1, 0)
    for slot in (1, 0):
        bench.add_load("table", slot, tables[slot].astype(f"<i{width}").tobytes())
    for slot in (0, 1):
        bench.add(
            "lane", function=6, is_wide=int(width == 2), table=slot, row_blocks=1, channels=20, last_rows=side,
            tiles=1, a_step=20, out=100 + 100 * slot, out_step=20 * width, out_plane=20 * (width - 1),
        )  # fmt: skip
    bench.run()
    for slot in (0, 1):
        found = bench.take(100 + 100 * slot, (side, 20), width=width)
        np.testing.assert_array_equal(found, tables[slot][codes + 128])
