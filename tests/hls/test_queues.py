"""Queues in C++: filled in either order, up to a capacity or without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import run_cpp
from vitaccel.reference.topk import ExpertQueues

TOKENS, EXPERTS, K = 50, 6, 2

BODY = f"""
        static Queues queues;
        QueueLengths lengths;
        for (int n = 0; n < {TOKENS * K}; ++n) {{
            queues.chosen[n / {K}][n % {K}].expert = in[2 + n];
            queues.chosen[n / {K}][n % {K}].score = 7 * n;
        }}
        fill_queues(queues, lengths, Filling{{{TOKENS}, {EXPERTS}, {K}, int(in[0]), bool(in[1])}});
        for (int n = 0; n < {EXPERTS + 2 * TOKENS * K}; ++n) out[n] = 0;
        for (int expert = 0; expert < {EXPERTS}; ++expert) {{
            out[expert] = lengths[expert];
            for (int at = 0; at < int(lengths[expert]); ++at) {{
                const int place = int(queues.start[expert]) + at;
                out[{EXPERTS} + 2 * place] = queues.entry[place].token;
                out[{EXPERTS} + 2 * place + 1] = queues.entry[place].score;
            }}
        }}"""


@pytest.mark.parametrize(("capacity", "order"), [(0, ""), (5, "token"), (17, "token"), (1, "choice"), (11, "choice")])
def test_entries_are_those_of_the_reference(capacity: int, order: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    # Some experts are wanted more than others, one by nobody.
    weights = np.array([8, 1, 1, 0, 4, 2]) / 16
    choices = np.stack([random.choice(EXPERTS, K, replace=False, p=weights) for _ in range(TOKENS)])
    row = np.concatenate([[capacity, order == "choice"], choices.reshape(-1)])
    found = run_cpp("queues", BODY, row[None], outputs=EXPERTS + 2 * TOKENS * K)[0]
    queues = ExpertQueues(EXPERTS, capacity, order).compute(torch.from_numpy(choices))
    assert found[:EXPERTS].tolist() == queues.lengths.tolist()
    entries = found[EXPERTS:].reshape(-1, 2)
    for expert in range(EXPERTS):
        token, choice = queues.of(expert)
        start = int(queues.lengths[:expert].sum())
        own = entries[start : start + len(token)]
        assert own.tolist() == [[int(t), 7 * (int(t) * K + int(c))] for t, c in zip(token, choice, strict=True)]
