"""LayerNorm of row-blocks in C++, in both layouts of the result, and with moments that were taken before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from tests.hls.machine_bench import CHANNEL, TOKEN, Bench
from vitaccel.backends.hls.tables import rsqrt_type
from vitaccel.ir.parameters import encode_wide
from vitaccel.reference.layernorm import LayerNorm
from vitaccel.reference.rsqrt import Rsqrt

EPSILON = (1 << 40) + 12345


@pytest.mark.parametrize("layout", [TOKEN, CHANNEL])
@pytest.mark.parametrize(("side", "channels", "width"), [(4, 10, 1), (8, 24, 2), (12, 7, 1)])
def test_it_is_the_reference_s(side: int, channels: int, width: int, layout: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    tokens = 2 * side + 1
    x = integers(random, 16, tokens * channels).reshape(tokens, channels)
    multiplier, offset = integers(random, 18, channels).clip(1 - (1 << 17)), integers(random, 28, channels)
    spec = LayerNorm(torch.from_numpy(multiplier), torch.from_numpy(offset), 20, EPSILON, 8 * width)
    bench, out = Bench(side), 2000
    bench.put(0, x, width=2)
    bench.add_load("parameter", 9, encode_wide(EPSILON).tobytes())
    bench.add_sets(10, offset, multiplier, 20)
    by_rows = layout == CHANNEL
    plane = (tokens if by_rows else channels) if width == 2 else 0
    bench.add(
        "lane", function=2, a_is_wide=1, is_wide=int(width == 2), by_rows=int(by_rows), row_blocks=3,
        channels=channels, last_rows=1 if by_rows else side, tokens=tokens, tiles=-(-channels // side), a=0,
        a_step=2 * channels, a_plane=channels, out=out, out_step=side if by_rows else channels * width,
        out_tile_step=tokens * width if by_rows else 0, out_plane=plane, sets=9,
    )  # fmt: skip
    bench.run()
    found = bench.take(out, x.shape, layout=layout, width=width)
    np.testing.assert_array_equal(found, spec.compute(torch.from_numpy(x)).numpy())


def test_moments_of_its_place_stand_for_a_first_pass(seed: int) -> None:
    """Rows whose moments were taken are not in the buffer: row-block 2 has those of place 3 + 2, and of no other."""
    words = integers(np.random.default_rng(seed), 16, 100 * 5 * 4).reshape(100, 5, 4)
    machine = """
        struct Machine {
            using Rsqrt = Table;
            static constexpr int SIDE = 4, ACTIVATION_WORDS = 1, MOMENT_BLOCKS = 6;
        };"""
    body = """
        ActivationBuffer<Machine> activation = {};
        RowMoments<Machine> row_moments = {};
        for (int channel = 0; channel < 5; ++channel) {
            Codes<4> codes;
            for (int n = 0; n < 4; ++n) codes.lane[n] = in[4 * channel + n];
            row_moments[5] = with_word(row_moments[5], codes);
        }
        Lane lane = decode_lane(Instruction{});
        lane.channels = 5;
        lane.has_moments = 1;
        lane.moments = 3;
        Normal normals[4];
        row_normals<Machine>(normals, lane, 2, 999, activation, row_moments);
        for (int n = 0; n < 4; ++n) {
            out[n] = normals[n].sum;
            out[4 + n] = normals[n].root.mantissa;
            out[8 + n] = normals[n].root.exponent;
        }"""
    tables = rsqrt_type("Table", Rsqrt()) + machine
    found = run_cpp("layernorm_rows", body, words.reshape(100, -1), outputs=12, declarations=tables)
    total, squares = words.sum(1), (words * words).sum(1)
    mantissa, exponent = Rsqrt().compute(torch.from_numpy(5 * squares - total * total + 999))
    np.testing.assert_array_equal(found, np.concatenate([total, mantissa.numpy(), exponent.numpy()], 1))
