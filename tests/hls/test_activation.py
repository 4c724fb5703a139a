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
        declarations=f"const LaneTables TABLES = {{{entries}}};",
    )
    expected = np.concatenate([ActivationTable("gelu", 0.03, 0.05).compute(codes).numpy(), tables[1]])
    np.testing.assert_array_equal(found[:, 0], expected)


def test_an_entry_is_put_into_the_table_of_every_lane() -> None:
    body = """
        static Tables<3> tables;
        put_entry<3>(tables, int(in[0]), int(in[1]), in[2]);
        for (int lane = 0; lane < 3; ++lane) out[lane] = activate(tables[lane], in[0], in[1] - 128);"""
    rows = [[0, 0, -7], [1, 255, 32767], [0, 130, -32768]]
    assert run_cpp("activation", body, rows, outputs=3).tolist() == [[row[2]] * 3 for row in rows]
