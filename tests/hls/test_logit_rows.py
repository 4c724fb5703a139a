"""Rows of logits in C++: kept key after key, with their statistics."""

from __future__ import annotations

import numpy as np
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.backends.hls.tables import powers_type
from vitaccel.reference.softmax import OnlineSoftmax

SIDE, KEYS = 4, 10

BODY = """
        static LogitRows<Machine> rows;
        clear_rows(rows);
        for (int key = 0; key < 10; ++key) {
            Codes<4> codes;
            for (int n = 0; n < 4; ++n) codes.lane[n] = in[4 * key + n];
            take_key(rows, key, codes);
        }
        for (int n = 0; n < 40; ++n) out[n] = rows.key[n / 4].lane[n % 4];
        for (int n = 0; n < 4; ++n) {
            out[40 + n] = rows.row[n].m;
            out[44 + n] = rows.row[n].sum;
        }"""


def test_keys_stay_and_every_lane_has_its_row(seed: int) -> None:
    spec = OnlineSoftmax(6)
    logits = integers(np.random.default_rng(seed), 16, 200 * KEYS * SIDE).reshape(200, KEYS, SIDE)
    machine = "struct Machine { using LogitPowers = Powers; static constexpr int SIDE = 4, LOGIT_WORDS = 10; };"
    declarations = powers_type("Powers", spec.exp2) + machine
    found = run_cpp("logit_rows", BODY, logits.reshape(200, -1), outputs=48, declarations=declarations)
    np.testing.assert_array_equal(found[:, :40], logits.reshape(200, -1))
    m, total = spec.statistics(torch.from_numpy(np.ascontiguousarray(logits.transpose(0, 2, 1))))
    np.testing.assert_array_equal(found[:, 40:44], m.numpy())
    np.testing.assert_array_equal(found[:, 44:], total.numpy())
