"""The array in C++: sums of products, in one digit and in two."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import integers, run_cpp

DEPTH = 20


def load(what: str) -> str:
    return f"""
            Word<P> b;
            RowOperands<P> a;
            for (int n = 0; n < P; ++n) {{
                b.lane[n] = int8_t(in[P * D + k * P + n]);
                a.lane[n] = {what};
            }}
            accumulate(tile, a, b);"""


STORE = """
        for (int n = 0; n < P * P; ++n) out[n] = tile.sum[n / P][n % P];"""


@pytest.mark.parametrize("side", [1, 4, 12])
def test_signed_operands(side: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (integers(random, 8, 30 * DEPTH * side).reshape(30, DEPTH, side) for _ in range(2))
    body = (
        f"Tile<P> tile; clear(tile);\n        for (int k = 0; k < D; ++k) {{{load('in[k * P + n]')}\n        }}{STORE}"
    )
    rows = np.concatenate([a.reshape(30, -1), b.reshape(30, -1)], 1)
    constants = f"constexpr int P = {side}, D = {DEPTH};"
    found = run_cpp("array", body, rows, outputs=side * side, declarations=constants)
    np.testing.assert_array_equal(found.reshape(30, side, side), np.einsum("ikr,ikc->irc", a, b))


def test_two_digits_of_unsigned_operands(seed: int) -> None:
    random = np.random.default_rng(seed)
    a = integers(random, 16, 30 * DEPTH * 4, signed=False).reshape(30, DEPTH, 4)
    b = integers(random, 8, 30 * DEPTH * 4).reshape(30, DEPTH, 4)
    loops = [
        f"\n        for (int k = 0; k < D; ++k) {{{load(f'in[k * P + n] >> {8 * n} & 255')}\n        }}" for n in (1, 0)
    ]
    body = f"Tile<P> tile; clear(tile);{loops[0]}\n        shift_digit(tile);{loops[1]}{STORE}"
    rows = np.concatenate([a.reshape(30, -1), b.reshape(30, -1)], 1)
    found = run_cpp("array", body, rows, outputs=16, declarations=f"constexpr int P = 4, D = {DEPTH};")
    np.testing.assert_array_equal(found.reshape(30, 4, 4), np.einsum("ikr,ikc->irc", a, b))
