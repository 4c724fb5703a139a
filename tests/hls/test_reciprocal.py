"""The reciprocal in C++: every argument of the table's kind, and sums of every magnitude."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.backends.hls.tables import reciprocal_type
from vitaccel.reference.reciprocal import Reciprocal

SPECS = [Reciprocal(), Reciprocal(index_bits=7, entry_bits=12), Reciprocal(index_bits=4, entry_bits=7)]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_is_the_reference_s(spec: Reciprocal, seed: int) -> None:
    # Every argument that differs behind the cut, and sums of any width.
    sums = np.concatenate(
        [np.arange(1 << 16, 1 << 17), integers(np.random.default_rng(seed), 32, 5000, signed=False).clip(1)]
    )
    found = run_cpp(
        "reciprocal",
        "const auto found = reciprocal<Table>(in[0]); out[0] = found.mantissa; out[1] = found.exponent;",
        sums[:, None],
        outputs=2,
        declarations=reciprocal_type("Table", spec),
    )
    np.testing.assert_array_equal(found.T, np.stack([each.numpy() for each in spec.compute(torch.from_numpy(sums))]))
