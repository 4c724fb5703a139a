"""GELU of wide codes in C++: all codes, of several specs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import run_cpp
from vitaccel.backends.hls.tables import gelu_type
from vitaccel.reference.gelu import WideGelu

SPECS = [WideGelu(), WideGelu("silu", segments=128), WideGelu(bits=12, fraction=8, segments=32, step_bits=3)]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_all_codes(spec: WideGelu) -> None:
    codes = np.arange(spec.format.min, spec.format.max + 1)
    found = run_cpp("gelu", "out[0] = wide_gelu<Table>(in[0]);", codes[:, None], declarations=gelu_type("Table", spec))
    np.testing.assert_array_equal(found[:, 0], spec.compute(torch.from_numpy(codes)).numpy())
