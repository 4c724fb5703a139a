"""Logits of two row-blocks: kept, summed up by turns, and read again as the numerators of the reference."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from tests.rtl.accelerator.part_bench import watch
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.logit_rows import LogitRows

SIDE, WORDS, FRACTION = 4, 64, 6
SOFTMAX = {**powers_of(FRACTION), "numerator_bits": 8, "sum_bits": 28, "reciprocal": reciprocal_of(Reciprocal())}


def normalized(products: np.ndarray, of: dict[str, int], total: torch.Tensor) -> np.ndarray:
    """What the reference makes of a product of each lane, with the sum of its row."""
    spec = OnlineSoftmax(FRACTION, 8)
    scale = [torch.full((SIDE,), of[name]) for name in ("multiplier", "shift")]
    return spec.normalize(torch.from_numpy(products)[:, None], total, *scale, 16, None)[:, 0].numpy()


def scaled(product: int, multiplier: int, shift: int) -> int:
    """Multiplied and rounded half up, as a requantization does it."""
    value = product * multiplier
    return max(-(1 << 15), min((1 << 15) - 1, (value + (1 << shift - 1)) >> shift))


def test_numerators_and_factors_of_row_blocks_that_take_turns(seed: int) -> None:
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    keys = [9, 5, 12, 7]
    rows = [generator.integers(-(1 << 11), 1 << 11, (count, SIDE)) for count in keys]
    sets = [{"offset": 0, "multiplier": rng.randint(1 << 16, (1 << 17) - 1), "shift": 16} for _ in keys]
    drives: list[dict[str, Any]] = []
    reads: list[tuple[int, int]] = []
    settled = latency.softmax_statistics(has_lines=False) + latency.ROW_FACTOR + 4
    ends = []
    for number, (lanes, of) in enumerate(zip(rows, sets, strict=True)):
        base = 20 * (number % 2)
        for key, word in enumerate(lanes):
            drives.append(
                {"valid": 1, "lanes": word.tolist(), "address": base + key, "ends_row": key == len(lanes) - 1}
            )
            if key == 1:
                drives[-1] |= {"output_set_valid": 1, "output_set": of}
        drives += [{}] * settled
        ends.append(len(drives))
        if number % 2:  # both slots are read, one behind the other
            for back in (1, 0):
                which = number - back
                reads.append((len(drives), which))
                drives.append({"read": 1, "read_address": 20 * (which % 2), "depth": keys[which], "slot": which % 2})
                drives += [{}] * (latency.READ_RUN + keys[which])
    seen = watch(LogitRows(side=SIDE, words=WORDS, softmax=SOFTMAX), drives, ["numerators", "factors"])
    spec = OnlineSoftmax(FRACTION, 8)
    for cycle, which in reads:
        logits = torch.from_numpy(rows[which].T.astype(np.int16))
        m, _ = spec.statistics(logits)
        expected = spec.numerators(logits, m).numpy().astype(np.uint8)
        for key in range(keys[which]):
            assert [*seen[cycle + latency.READ_RUN + key][0]] == expected[:, key].tolist(), (
                f"row-block {which}, key {key}"
            )
    for number, end in enumerate(ends):
        _, total = spec.statistics(torch.from_numpy(rows[number].T.astype(np.int16)))
        products = generator.integers(-(1 << 20), 1 << 20, SIDE)
        factors = seen[end - 1][1][number % 2]
        found = [scaled(int(p), f.multiplier, f.shift) for p, f in zip(products, factors, strict=True)]
        assert found == normalized(products, sets[number], total).tolist()
