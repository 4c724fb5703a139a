"""A parameter set in C++ is what the tool encodes."""

from __future__ import annotations

import numpy as np

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.ir.parameters import encode_sets


def test_a_set_is_what_was_encoded(seed: int) -> None:
    random = np.random.default_rng(seed)
    offsets, multipliers, shifts = integers(random, 32, 500), integers(random, 18, 500), random.integers(0, 64, 500)
    raw = encode_sets(offsets, multipliers, shifts).view(np.int64)
    body = "const auto set = parameter_set(uint64_t(in[0])); out[0] = set.offset; out[1] = set.multiplier;"
    found = run_cpp("parameter_set", body + " out[2] = set.shift;", raw[:, None], outputs=3)
    np.testing.assert_array_equal(found, np.stack([offsets, multipliers, shifts], 1))
