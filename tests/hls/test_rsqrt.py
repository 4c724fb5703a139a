"""The reciprocal square root in C++: variances of every magnitude."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.backends.hls.tables import rsqrt_type
from vitaccel.reference.rsqrt import Rsqrt

SPECS = [Rsqrt(), Rsqrt(index_bits=10, entry_bits=14), Rsqrt(index_bits=4, entry_bits=7)]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_is_the_reference_s(spec: Rsqrt, seed: int) -> None:
    drawn = integers(np.random.default_rng(seed), 63, 20000, signed=False).clip(1)
    variances = np.concatenate([drawn, np.arange(1, 4096), (1 << 63) - 1 - np.arange(9)])
    found = run_cpp(
        "rsqrt",
        "const auto found = rsqrt<Table>(in[0]); out[0] = found.mantissa; out[1] = found.exponent;",
        variances[:, None],
        outputs=2,
        declarations=rsqrt_type("Table", spec),
    )
    expected = np.stack([each.numpy() for each in spec.compute(torch.from_numpy(variances))])
    np.testing.assert_array_equal(found.T, expected)
