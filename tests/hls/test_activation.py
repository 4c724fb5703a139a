"""Tables in C++, every entry of both slots."""

from __future__ import annotations

import numpy as np
import torch

from tests.hls.cpp_bench import run_cpp
from vitaccel.reference.activation import ActivationTable


def test_every_entry_of_both_slots() -> None:
    tables = [ActivationTable("gelu", 0.03, 0.05).table, ActivationTable("relu", 0.1, 0.2, 16).table]
    entries = ", ".join(f"{{{', '.join(map(str, table))}}}" for table in tables)
    codes = torch.arange(-128, 128)
    rows = [[slot, code] for slot in (0, 1) for code in codes.tolist()]
    found = run_cpp(
        "activation",
        "out[0] = activate(TABLES, in[0], in[1]);",
        rows,
        declarations=f"const Tables TABLES = {{{entries}}};",
    )
    expected = np.concatenate([ActivationTable("gelu", 0.03, 0.05).compute(codes).numpy(), tables[1]])
    np.testing.assert_array_equal(found[:, 0], expected)
