"""All 256 entries of a table are exact, for every function and scale, and a wrong one is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.certificate.activation import TRUE, certify_activation
from vitaccel.reference.real_function import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_the_function_of_the_float_graph(kind: str) -> None:
    x = np.linspace(-12, 12, 1001)
    assert np.allclose(TRUE[kind](x), ACTIVATION[kind](torch.from_numpy(x)).numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", [8, 16])
def test_256_of_256_are_exact(kind: str, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scales = [(1 / 16, 1 / 16), (0.0625, 0.125), *np.float32(2.0 ** rng.uniform(-12, 2, (6, 2))).tolist()]
    for in_scale, out_scale in scales:
        certificate = certify_activation(ActivationTable(kind, in_scale, out_scale, bits))
        assert (certificate.entries, certificate.exact) == (256, 256)
        assert certificate.max_error_steps <= 0.5 + 1e-9


@pytest.mark.parametrize("entry", [0, 100, 128, 255])
@pytest.mark.parametrize("by", [-1, 1])
def test_one_wrong_entry_is_found(entry: int, by: int) -> None:
    table = ActivationTable("gelu", 1 / 16, 1 / 16)
    wrong = list(table.table)
    wrong[entry] += by
    vars(table)["table"] = tuple(wrong)
    certificate = certify_activation(table)
    assert certificate.exact == 255
    assert certificate.max_error_steps > 0.5
