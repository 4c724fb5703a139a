"""Statistics of rows, kept one behind the other: maxima as they came, and reciprocals of the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.rtl.accelerator.part_bench import watch
from vitaccel.backends.rtl.blocks.softmax import reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.kept_statistics import KeptStatistics

SIDE, ENTRIES, BEHIND = 4, 32, 2


def test_rows_go_behind_those_before_until_they_are_cleared(seed: int) -> None:
    random = np.random.default_rng(seed)
    kept: dict[int, tuple[int, int]] = {}
    drives: list[dict[str, Any]] = []
    for blocks in (3, 2):
        drives.append({"clear": 1})
        for block in range(blocks):
            m, total = random.integers(-1024, 1024, SIDE), random.integers(1 << 14, 1 << 28, SIDE)
            drives.append({"valid": 1, "m": m.tolist(), "total": total.tolist()})
            drives += [{}] * (SIDE - 1)
            for lane in range(SIDE):
                kept[block * SIDE + lane] = int(m[lane]), int(total[lane])
        drives += [{}] * (latency.RECIPROCAL + 2)
    began = len(drives)
    drives += [{"read_address": entry} for entry in kept] + [{}] * BEHIND
    statistics = KeptStatistics(
        side=SIDE, entries=ENTRIES, fraction_bits=6, sum_bits=28, reciprocal=reciprocal_of(Reciprocal())
    )
    seen = watch(statistics, drives, ["row"])
    for cycle, (m, total) in enumerate(kept.values()):
        (row,) = seen[began + cycle + BEHIND]
        mantissa, exponent = Reciprocal().compute(torch.tensor([total]))
        assert (row.m, row.mantissa, row.exponent) == (m, int(mantissa[0]), int(exponent[0]))
