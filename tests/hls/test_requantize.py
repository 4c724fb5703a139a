"""Requantization in C++ is the reference's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.reference.requantize import ChannelRequantize


@pytest.mark.parametrize("bits", [8, 16])
def test_it_is_the_reference_s(bits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    count = 3000
    accumulators, offsets = integers(random, 32, count), integers(random, 32, count)[::-1]
    multipliers = integers(random, 18, count).clip(1 - (1 << 17))
    shifts = random.integers(0, 64, count)
    body = f"""
        ParameterSet set;
        set.offset = in[1];
        set.multiplier = in[2];
        set.shift = in[3];
        out[0] = requantize<{bits}>(in[0], set);"""
    found = run_cpp("requantize", body, np.stack([accumulators, offsets, multipliers, shifts], 1))
    # One channel a number.
    vectors = [torch.from_numpy(each.copy()) for each in (multipliers, shifts, offsets)]
    expected = ChannelRequantize(*vectors, bits).compute(torch.from_numpy(accumulators))
    np.testing.assert_array_equal(found[:, 0], expected.numpy())
