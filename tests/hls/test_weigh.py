"""Weighing in C++: what is added is what the interpreter adds, wherever the sum does not saturate anyway."""

from __future__ import annotations

import numpy as np
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.reference.fixed_point import round_shift, saturate


def test_sums_are_the_interpreter_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = 4000
    results, scores = integers(random, 16, count), integers(random, 16, count, signed=False)[::-1]
    multipliers = integers(random, 18, count).clip(1 - (1 << 17))
    shifts, sums = random.integers(0, 40, count), integers(random, 16, count)
    body = """
        ParameterSet set;
        set.offset = 0;
        set.multiplier = in[2];
        set.shift = in[3];
        const int64_t sum = in[4] + weigh(in[0], in[1], set);
        out[0] = saturate<16>(sum);"""
    found = run_cpp("weigh", body, np.stack([results, scores, multipliers, shifts, sums], 1))
    product = torch.from_numpy(results * scores * multipliers)
    added = round_shift(product, torch.from_numpy(16 + shifts)).numpy()
    np.testing.assert_array_equal(found[:, 0], saturate(torch.from_numpy(sums + added), 16).numpy())
