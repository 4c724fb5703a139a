"""Probabilities in C++, of logits with 6 and with 8 fraction bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import run_cpp
from tests.hls.test_softmax import KEYS, logits
from vitaccel.backends.hls.tables import powers_type, reciprocal_type
from vitaccel.reference.softmax import RECIPROCAL, OnlineSoftmax


@pytest.mark.parametrize("fraction_bits", [6, 8])
def test_they_are_those_of_the_reference(fraction_bits: int, seed: int) -> None:
    spec, y = OnlineSoftmax(fraction_bits), logits(seed)
    body = f"""
        auto row = no_keys<Powers>();
        for (int key = 0; key < {KEYS}; ++key) row = with_key<Powers>(row, in[key]);
        const auto kept = kept_row<Powers, Table>(row);
        for (int key = 0; key < {KEYS}; ++key) out[key] = probability<Powers>(in[key], kept);"""
    declarations = powers_type("Powers", spec.exp2) + reciprocal_type("Table", RECIPROCAL)
    found = run_cpp("probability", body, y, outputs=KEYS, declarations=declarations)
    np.testing.assert_array_equal(found, spec.probabilities(torch.from_numpy(y)).numpy())


def test_a_single_key_has_nearly_all() -> None:
    spec = OnlineSoftmax(6)
    body = "out[0] = probability<Powers>(in[0], kept_row<Powers, Table>(with_key<Powers>(no_keys<Powers>(), in[0])));"
    declarations = powers_type("Powers", spec.exp2) + reciprocal_type("Table", RECIPROCAL)
    y = np.arange(-32768, 32768, 7)[:, None]
    found = run_cpp("probability", body, y, declarations=declarations)
    np.testing.assert_array_equal(found, spec.probabilities(torch.from_numpy(y)).numpy())
