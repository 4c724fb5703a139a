"""Matmuls in C++: tiles outermost, either operand on chip, results in either layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import CHANNEL, Bench, weight_tile
from vitaccel.ir.parameters import encode_sets
from vitaccel.reference.matmul import accumulate
from vitaccel.reference.requantize import ChannelRequantize

A, OUT, B = 0, 1500, 3000


def drawn(seed: int, *shape: int) -> np.ndarray:
    return integers(np.random.default_rng(seed), 8, int(np.prod(shape))).reshape(shape)


def sets_of(seed: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(-500, 500, columns), random.integers(-(1 << 17), 1 << 17, columns), np.full(columns, 24)


def expected(a: np.ndarray, b: np.ndarray, sets: tuple[np.ndarray, ...], bits: int = 8) -> np.ndarray:
    offsets, multipliers, shifts = (torch.from_numpy(each) for each in sets)
    product = accumulate(torch.from_numpy(a), torch.from_numpy(b))
    return ChannelRequantize(multipliers.clamp(min=1 - (1 << 17)), shifts, offsets, bits).compute(product).numpy()


@pytest.mark.parametrize("side", [4, 8, 12])
@pytest.mark.parametrize("width", [1, 2])
def test_weights_and_results_by_columns(side: int, width: int, seed: int) -> None:
    rows, depth, columns = 3 * side, 17, 2 * side
    a, b, sets = drawn(seed, rows, depth), drawn(seed + 1, depth, columns), sets_of(seed, columns)
    sets = (sets[0], sets[1].clip(1 - (1 << 17)), sets[2])
    bench = Bench(side)
    bench.put(A, a)
    bench.add_load("weight", 5, weight_tile(b, encode_sets(*sets), side))
    bench.add(
        "matmul", a=A, a_step=depth, depth=depth, row_blocks=3, n_tiles=2, b=5, b_step=depth + 8, out=OUT,
        out_step=columns * width, out_tile_step=side, out_plane=columns if width == 2 else 0, last_rows=side,
        is_wide=int(width == 2),
    )  # fmt: skip
    bench.run()
    found = bench.take(OUT, (rows, columns), width=width)
    np.testing.assert_array_equal(found, expected(a, b, sets, 8 * width))


@pytest.mark.parametrize("side", [4, 12])
def test_two_activations_and_results_by_rows(side: int, seed: int) -> None:
    rows, depth, columns = 2 * side + 3, 9, 3 * side
    a, b, sets = drawn(seed, rows, depth), drawn(seed + 1, depth, columns), sets_of(seed, columns)
    sets = (sets[0], sets[1].clip(1 - (1 << 17)), sets[2])
    bench = Bench(side)
    bench.put(A, a)
    bench.put(B, b, layout=CHANNEL)
    bench.add_sets(7, *sets)
    bench.words[OUT : OUT + 500] = 77
    bench.add(
        "matmul", a=A, a_step=depth, depth=depth, row_blocks=3, n_tiles=3, b=B, b_step=depth, sets=7, out=OUT,
        out_step=side, out_tile_step=rows, last_rows=3, b_is_activation=1, by_rows=1,
    )  # fmt: skip
    bench.run()
    np.testing.assert_array_equal(bench.take(OUT, (rows, columns), layout=CHANNEL), expected(a, b, sets))
    # Only tokens are written: nothing behind the last tile.
    assert (bench.words[OUT + 3 * rows : OUT + 500] == 77).all()
