"""Codes in the activation buffer in C++: planes of bytes, and nothing else touched."""

from __future__ import annotations

import numpy as np

from tests.hls.cpp_bench import integers, run_cpp

BODY = """
        Word<4> buffer[6] = {};
        Codes<4> codes;
        for (int n = 0; n < 4; ++n) codes.lane[n] = in[n];
        write_codes(buffer, 1, 3, in[4], codes);
        const Codes<4> found = read_codes(buffer, 1, 3, in[4]);
        for (int n = 0; n < 4; ++n) out[n] = found.lane[n];
        for (int n = 0; n < 24; ++n) out[4 + n] = uint8_t(buffer[n / 4].lane[n % 4]);"""


def written(bits: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes = integers(np.random.default_rng(seed), bits, 400).reshape(100, 4)
    rows = np.concatenate([codes, np.full((100, 1), bits == 16)], 1)
    found = run_cpp("slot_buffer", BODY, rows, outputs=28)
    return codes, found[:, :4], found[:, 4:].reshape(100, 6, 4)


def test_int8_is_one_word(seed: int) -> None:
    codes, again, buffer = written(8, seed)
    np.testing.assert_array_equal(again, codes)
    np.testing.assert_array_equal(buffer[:, 1], codes & 255)
    assert not buffer[:, [0, 2, 3, 4, 5]].any()


def test_int16_is_two_planes(seed: int) -> None:
    codes, again, buffer = written(16, seed)
    np.testing.assert_array_equal(again, codes)
    np.testing.assert_array_equal(buffer[:, 1] | buffer[:, 4] << 8, codes & 65535)
    assert not buffer[:, [0, 2, 3, 5]].any()
