"""Tokens that move by lanes in C++, up and down, among those that stay."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import CHANNEL, Bench

SIDE, CHANNELS = 8, 5
A, OUT = 0, 2000


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("tokens", [3, 8, 19])
@pytest.mark.parametrize("shift", [1, 5, 7, -1, -6])
def test_tokens_move_and_others_stay(shift: int, tokens: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    skip, into = max(0, -shift), max(0, shift)
    a = integers(random, 8 * width, (tokens + skip) * CHANNELS).reshape(-1, CHANNELS)
    blocks = -(-(tokens + into) // SIDE)
    stays = integers(random, 8 * width, blocks * SIDE * CHANNELS).reshape(-1, CHANNELS)
    bench = Bench(SIDE)
    bench.put(A, a, width=width)
    bench.put(OUT, stays, width=width)
    add(bench, shift, tokens, width, blocks)
    bench.run()
    expected = stays.copy()
    expected[into : into + tokens] = a[skip : skip + tokens]
    np.testing.assert_array_equal(bench.take(OUT, stays.shape, width=width), expected)


def add(bench: Bench, shift: int, tokens: int, width: int, blocks: int, **more: int) -> None:
    step, plane = CHANNELS * width, CHANNELS if width == 2 else 0
    fields = {
        "function": 0, "a_is_wide": int(width == 2), "is_wide": int(width == 2), "shift": abs(shift),
        "moves_up": int(shift < 0), "row_blocks": blocks, "channels": CHANNELS, "last_rows": SIDE, "tokens": tokens,
        "tiles": 1, "a": A, "a_step": step, "a_plane": plane, "out": OUT, "out_step": step, "out_plane": plane,
    }  # fmt: skip
    bench.add("lane", **fields | more)


def test_tokens_move_up_into_results_by_rows(seed: int) -> None:
    tokens = 11
    a = integers(np.random.default_rng(seed), 8, (tokens + 3) * CHANNELS).reshape(-1, CHANNELS)
    bench = Bench(SIDE)
    bench.put(A, a)
    add(bench, -3, tokens, 1, 2, by_rows=1, last_rows=3, out_step=SIDE, out_tile_step=tokens)
    bench.run()
    np.testing.assert_array_equal(bench.take(OUT, (tokens, CHANNELS), layout=CHANNEL), a[3:])
