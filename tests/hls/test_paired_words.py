"""Tiles multiplied as processors like it: the sums of the array, with the processor's instructions and without."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.backends.hls.compiled import CAREFUL

BODY = """
        Word<P> words[2][D];
        for (int n = 0; n < 2 * D * P; ++n) words[n / (D * P)][n / P % D].lane[n % P] = int8_t(in[n]);
        Pairs a, b;
        pair_words<P>(a, words[0], D);
        pair_words<P>(b, words[1], D);
        static Tile<P> tile;
        multiply_pairs<P>(tile, a, b);
        for (int n = 0; n < P * P; ++n) out[n] = tile.sum[n / P][n % P];"""


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("side", "depth"), [(1, 3), (4, 1), (6, 8), (12, 5), (16, 21), (32, 10)])
def test_sums_are_products_of_matrices(side: int, depth: int, native: bool, seed: int) -> None:
    words = integers(np.random.default_rng(seed), 8, 20 * 2 * depth * side).reshape(20, 2, depth, side)
    words[1:3] = -128
    found = run_cpp(
        "paired_words", BODY, words.reshape(20, -1), outputs=side * side,
        declarations=f"constexpr int P = {side}, D = {depth};", flags=(*CAREFUL, *(["-march=native"] * native)),
    )  # fmt: skip
    expected = np.einsum("ikr,ikc->irc", words[:, 0], words[:, 1])
    np.testing.assert_array_equal(found.reshape(20, side, side), expected)
