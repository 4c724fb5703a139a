"""Rounding and saturation in C++ are the reference's."""

from __future__ import annotations

import numpy as np
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.reference.fixed_point import round_shift, saturate


def test_round_shift_is_the_reference_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, shift = integers(random, 62, 4000), random.integers(0, 64, 4000)
    found = run_cpp("fixed_point", "out[0] = round_shift(in[0], int(in[1]));", np.stack([x, shift], 1))
    np.testing.assert_array_equal(found[:, 0], round_shift(torch.from_numpy(x), torch.from_numpy(shift)).numpy())


def test_saturation_is_the_reference_s(seed: int) -> None:
    x = integers(np.random.default_rng(seed), 40, 2000)
    body = "out[0] = saturate<8>(in[0]); out[1] = saturate<16>(in[0]); out[2] = saturate_unsigned<12>(in[0]);"
    found = run_cpp("fixed_point", body, x[:, None], outputs=3)
    for place, bits in enumerate((8, 16)):
        np.testing.assert_array_equal(found[:, place], saturate(torch.from_numpy(x), bits).numpy())
    np.testing.assert_array_equal(found[:, 2], np.minimum(x, 4095))


def test_the_highest_bit_is_found() -> None:
    rows = [[1 << place | rest] for place in range(40) for rest in (0, (1 << place) - 1)]
    found = run_cpp("fixed_point", "out[0] = highest_bit<40>(uint64_t(in[0]));", rows)
    assert found[:, 0].tolist() == [row[0].bit_length() - 1 for row in rows]
