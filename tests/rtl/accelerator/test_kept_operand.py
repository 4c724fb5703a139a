"""Kept logits become digits of probabilities, at their time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel.backends.rtl.blocks.softmax import powers_of
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.accelerator.kept_operand import KeptOperand
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD
from vitaccel_rtl.latency import READ_RUN, SLOT_BUFFER, SLOTS

SIDE, WORDS, ENTRIES, HIGH, FIRST = 4, 64, 16, 8, 5


def test_both_digits_of_every_query(seed: int) -> None:
    random = np.random.default_rng(seed)
    queries, keys, spec = 7, SIDE, OnlineSoftmax(6, 8)
    logits = random.integers(-(1 << 11), 1 << 11, (queries, keys)).astype(np.int16)
    m, total = spec.statistics(torch.from_numpy(logits))
    mantissa, exponent = spec.reciprocal.compute(total)
    rows = {FIRST + q: (int(m[q]), int(mantissa[q]), int(exponent[q])) for q in range(queries)}
    expected = spec.probabilities(torch.from_numpy(logits)).numpy()
    code = logits.view(np.uint16)
    lows, highs = (
        [sum(int(c >> shift & 255) << 8 * lane for lane, c in enumerate(word)) for word in code] for shift in (0, 8)
    )
    part = KeptOperand(side=SIDE, words=WORDS, entries=ENTRIES, **powers_of(6))
    starts, length = (0, SLOTS), 64
    digits: dict[int, int] = {}

    async def bench(ctx: Any) -> None:
        asked: dict[int, int] = {}
        for cycle in range(length):
            phase = cycle % SLOTS
            ctx.set(part.phase, phase)
            ctx.set(part.start, cycle in starts)
            ctx.set(part.high, HIGH)
            ctx.set(part.count, queries)
            ctx.set(part.statistics, FIRST)
            ctx.set(part.is_low_digit, cycle == starts[1])
            if ctx.get(part.memory.valid):
                asked[cycle] = ctx.get(part.memory.line) * SLOTS + (phase + 7) % SLOTS - HIGH
            came = asked.get(cycle - SLOT_BUFFER, -1)
            ctx.set(part.memory.word, highs[came] if 0 <= came < queries else 0)
            for start in starts:
                query = cycle - start - READ_RUN
                if 0 <= query < queries:
                    ctx.set(part.low, lows[query])
            entry = entries.pop(0)
            known = rows.get(entry, (0, 1 << 16, 14))
            ctx.set(part.row, {"m": known[0], "mantissa": known[1], "exponent": known[2]})
            entries.append(ctx.get(part.read_address))
            digits[cycle] = ctx.get(part.digits)
            await ctx.tick()

    entries = [0, 0]
    simulator = Simulator(part)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    for start, shift in zip(starts, (8, 0), strict=True):
        for query in range(queries):
            found = digits[start + KEPT_AHEAD * SLOTS + READ_RUN + query]
            wanted = sum(int(p >> shift & 255) << 8 * lane for lane, p in enumerate(expected[query]))
            assert found == wanted, f"digit at {shift} of query {query}"
