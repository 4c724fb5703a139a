"""The bench of stream blocks on a real one: the array against its reference, under every pair of profiles."""

from __future__ import annotations

import torch

from tests.rtl.array_bench import random_tile, words_in, words_out
from tests.rtl.stream_bench import pack, payload_shape
from vitaccel_rtl.array import Array
from vitaccel_sim.bench.equality import declared
from vitaccel_sim.cocotb_runner import run_bench

SIDE = 4
DEPTHS = (SIDE, 1, SIDE - 1, 2 * SIDE + 1, 7)


def test_the_array_equals_its_reference(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tiles = [random_tile(generator, SIDE, depth) for depth in DEPTHS]
    array = Array(side=SIDE)
    shapes = {port: payload_shape(getattr(array, port).signature) for port in ("i", "o")}
    parameters = {
        "words": [pack(shapes["i"], word) for word in words_in(tiles)],
        "expected": [pack(shapes["o"], word) for word in words_out(tiles)],
        "latency_cycles": array.latency_cycles,
        "last_in": DEPTHS[0] - 1,
    }
    result = run_bench(array, "vitaccel_sim.bench.equality", name="array_4", seed=seed, parameters=parameters)
    result.check()
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()
