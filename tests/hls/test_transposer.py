"""The transposer in C++."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import integers, run_cpp


@pytest.mark.parametrize("side", [1, 4, 12])
def test_columns_come_out_as_rows(side: int, seed: int) -> None:
    rows = integers(np.random.default_rng(seed), 16, 20 * side * side).reshape(20, side, side)
    body = """
        Square<P> square;
        for (int column = 0; column < P; ++column) {
            Codes<P> codes;
            for (int n = 0; n < P; ++n) codes.lane[n] = in[column * P + n];
            put_column(square, column, codes);
        }
        for (int row = 0; row < P; ++row)
            for (int n = 0; n < P; ++n) out[row * P + n] = row_of(square, row).lane[n];"""
    constants = f"constexpr int P = {side};"
    found = run_cpp("transposer", body, rows.reshape(20, -1), outputs=side * side, declarations=constants)
    np.testing.assert_array_equal(found.reshape(rows.shape), rows.transpose(0, 2, 1))
