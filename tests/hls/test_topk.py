"""The best experts in C++; of equal ones the lower is first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.reference.topk import TopK


@pytest.mark.parametrize(("experts", "k"), [(1, 1), (4, 2), (5, 4), (32, 4)])
def test_choices_are_those_of_the_reference(experts: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = integers(random, 16, 600 * experts).reshape(600, experts)
    logits[::2] = random.integers(-2, 2, (300, experts))
    logits[1] = -32768
    body = f"""
        auto choices = no_experts();
        for (int expert = 0; expert < {experts}; ++expert) choices = with_expert(choices, expert, in[expert]);
        for (int n = 0; n < {k}; ++n) out[n] = choices.expert[n];"""
    found = run_cpp("topk", body, logits, outputs=k)
    np.testing.assert_array_equal(found, TopK(experts, k).compute(torch.from_numpy(logits)).numpy())
