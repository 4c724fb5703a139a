"""What becomes of sums in C++: a residual of int16, or an activation table of either width."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import Bench, weight_tile
from tests.hls.test_matmul_nest import OUT, A, B, drawn, sets_of
from vitaccel.ir.parameters import encode_sets
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.matmul import accumulate
from vitaccel.reference.requantize import ChannelRequantize

SIDE, DEPTH = 8, 20
SHAPE = (2 * SIDE, 2 * SIDE)


def prepared(seed: int) -> tuple[Bench, torch.Tensor, ChannelRequantize]:
    a, b = drawn(seed, SHAPE[0], DEPTH), drawn(seed + 1, DEPTH, SHAPE[1])
    offsets, multipliers, shifts = sets_of(seed, SHAPE[1])
    multipliers = multipliers.clip(1 - (1 << 17))
    bench = Bench(SIDE)
    bench.put(A, a)
    bench.add_load("weight", 0, weight_tile(b, encode_sets(offsets, multipliers, shifts), SIDE))
    spec = ChannelRequantize(*(torch.from_numpy(each) for each in (multipliers, shifts, offsets)), 16)
    return bench, accumulate(torch.from_numpy(a), torch.from_numpy(b)), spec


def matmul(bench: Bench, width: int, **more: int) -> np.ndarray:
    bench.add(
        "matmul", a=A, a_step=DEPTH, depth=DEPTH, row_blocks=2, n_tiles=2, b_step=DEPTH + 8, out=OUT,
        out_step=SHAPE[1] * width, out_tile_step=SIDE, out_plane=SHAPE[1] if width == 2 else 0, last_rows=SIDE,
        is_wide=int(width == 2), **more,
    )  # fmt: skip
    bench.run()
    return bench.take(OUT, SHAPE, width=width)


def test_a_residual_is_added_before_the_sum_saturates(seed: int) -> None:
    bench, product, spec = prepared(seed)
    residual = integers(np.random.default_rng(seed), 16, SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    bench.put(B, residual, width=2)
    found = matmul(
        bench, 2, has_residual=1, residual=B, residual_step=2 * SHAPE[1], residual_tile_step=SIDE,
        residual_plane=SHAPE[1],
    )  # fmt: skip
    np.testing.assert_array_equal(found, spec.compute(product, torch.from_numpy(residual)).numpy())


@pytest.mark.parametrize(("width", "slot"), [(1, 0), (2, 1)])
def test_a_table_is_looked_up(width: int, slot: int, seed: int) -> None:
    bench, product, spec = prepared(seed)
    table = ActivationTable("gelu", 0.05, 0.04 if width == 1 else 0.001, 8 * width)
    bench.add_load("table", slot, np.array(table.table, f"<i{width}").tobytes())
    found = matmul(bench, width, has_table=1, table=slot)
    codes = ChannelRequantize(spec.multiplier, spec.shift, spec.bias, 8).compute(product)
    np.testing.assert_array_equal(found, table.compute(codes).numpy())
