"""Streams through the lanes in C++: results by rows, tiles that are not full."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import CHANNEL, Bench


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize(("side", "tokens", "channels"), [(4, 9, 10), (8, 8, 8), (12, 1, 30)])
def test_results_by_rows_are_filled_up_with_zeros(side: int, tokens: int, channels: int, width: int, seed: int) -> None:
    a = integers(np.random.default_rng(seed), 8 * width, tokens * channels).reshape(tokens, channels)
    tiles, blocks, out = -(-channels // side), -(-tokens // side), 2000
    bench = Bench(side)
    bench.put(0, a, width=width)
    bench.words[out : out + 1000] = 77
    bench.add(
        "lane", function=0, a_is_wide=int(width == 2), is_wide=int(width == 2), by_rows=1, row_blocks=blocks,
        channels=channels, last_rows=tokens - (blocks - 1) * side, tokens=tokens, tiles=tiles, a=0,
        a_step=channels * width, a_plane=channels if width == 2 else 0, out=out, out_step=side,
        out_tile_step=tokens * width, out_plane=tokens if width == 2 else 0,
    )  # fmt: skip
    bench.run()
    found = bench.take(out, (tokens, tiles * side), layout=CHANNEL, width=width)
    np.testing.assert_array_equal(found, np.pad(a, ((0, 0), (0, tiles * side - channels))))
    assert (bench.words[out + tokens * width * tiles : out + 1000] == 77).all()
