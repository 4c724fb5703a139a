"""Powers of two in C++: every logit and several maxima."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import run_cpp
from vitaccel.backends.hls.tables import powers_type
from vitaccel.reference.exp2 import Exp2, Exp2Linear

SPECS = [Exp2(6), Exp2(3), Exp2Linear(8), Exp2Linear(10, 64)]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_logit_below_its_maximum(spec: Exp2 | Exp2Linear) -> None:
    y = np.arange(-32768, 32768)
    own = -(-y >> spec.fraction_bits)
    rows = np.concatenate([np.stack([y, np.minimum(own + more, own.max())], 1) for more in (0, 1, 5, 16, 17, 300)])
    found = run_cpp("exp2", "out[0] = exp2<Powers>(in[0], in[1]);", rows, declarations=powers_type("Powers", spec))
    expected = spec.compute(*(torch.from_numpy(column.copy()) for column in rows.T))
    np.testing.assert_array_equal(found[:, 0], expected.numpy())
