"""LayerNorm in C++: rows of several lengths, constant rows among them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.backends.hls.tables import rsqrt_type
from vitaccel.reference.layernorm import LayerNorm
from vitaccel.reference.rsqrt import Rsqrt


@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (7, 8), (48, 16), (768, 8), (4096, 16)])
def test_it_is_the_reference_s(channels: int, bits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = 40
    x = integers(random, 16, rows * channels).reshape(rows, channels)
    x[1::3] >>= 8
    x[2] = -32768
    x[3] = np.where(np.arange(channels) % 2, 32767, -32768)
    multiplier, offset = integers(random, 18, channels).clip(1 - (1 << 17)), integers(random, 31, channels)
    spec = LayerNorm(torch.from_numpy(multiplier), torch.from_numpy(offset), int(random.integers(8, 24)), 12345, bits)
    body = f"""
        auto moments = no_channels();
        for (int c = 0; c < {channels}; ++c) moments = with_channel(moments, in[c]);
        const auto normal = normal_of<Table>(moments, {channels}, {spec.epsilon});
        for (int c = 0; c < {channels}; ++c) {{
            ParameterSet set;
            set.offset = in[2 * {channels} + c];
            set.multiplier = in[{channels} + c];
            set.shift = {spec.shift};
            out[c] = normalized<{bits}>(in[c], normal, {channels}, set);
        }}"""
    tables = rsqrt_type("Table", Rsqrt())
    sets = np.tile(np.concatenate([multiplier, offset]), (rows, 1))
    found = run_cpp("layernorm", body, np.concatenate([x, sets], 1), outputs=channels, declarations=tables)
    np.testing.assert_array_equal(found, spec.compute(torch.from_numpy(x)).numpy())
