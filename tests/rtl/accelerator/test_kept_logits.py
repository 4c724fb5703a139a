"""Tiles of logits, a key a word, become words of a query in both planes of the activation buffer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel_rtl.accelerator.kept_logits import CLIENTS, KeptLogits
from vitaccel_rtl.latency import SLOTS

SIDE, WORDS = 4, 256


def written(drives: list[dict[str, Any]]) -> dict[int, int]:
    """Words of the buffer that were written, by address; a client meets bank ``phase + client``."""
    found: dict[int, int] = {}
    part = KeptLogits(side=SIDE, words=WORDS)

    async def bench(ctx: Any) -> None:
        for cycle, drive in enumerate(drives):
            phase = cycle % SLOTS
            ctx.set(part.phase, phase)
            ctx.set(part.valid, "lanes" in drive)
            for name, value in drive.items():
                ctx.set(getattr(part, name), value)
            for client, port in zip(CLIENTS, part.writes, strict=True):
                if ctx.get(port.valid):
                    found[ctx.get(port.line) * SLOTS + (phase + client) % SLOTS] = ctx.get(port.word)
            await ctx.tick()

    simulator = Simulator(part)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("words", [SIDE, 3])
def test_a_tile_is_turned(words: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    drives: list[dict[str, Any]] = []
    expected: dict[int, int] = {}
    for low, high in ((16, 64), (25, 73), (32, 80)):
        logits = random.integers(-(1 << 15), 1 << 15, (SIDE, SIDE))
        for key, lanes in enumerate(logits):
            place = {"low": low, "high": high, "words": words}
            drives.append({"lanes": lanes.tolist(), "last": key == SIDE - 1, "place": place})
        drives += [{}] * 12
        for query in range(words):
            code = logits[:, query].astype(np.int16).view(np.uint16)
            expected[low + query] = sum(int(c & 255) << 8 * lane for lane, c in enumerate(code))
            expected[high + query] = sum(int(c >> 8) << 8 * lane for lane, c in enumerate(code))
    assert written([*drives, *[{}] * 24]) == expected
