"""Online softmax in C++: statistics key by key, numerators of every width, and the division at the end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.hls.cpp_bench import integers, run_cpp
from vitaccel.backends.hls.tables import powers_type, reciprocal_type
from vitaccel.reference.softmax import MASKED, RECIPROCAL, OnlineSoftmax

KEYS = 24


def logits(seed: int, rows: int = 1500) -> npt.NDArray[np.int64]:
    """Rows of keys near and far, with masked ones in front, between and everywhere."""
    random = np.random.default_rng(seed)
    y = integers(random, 16, rows * KEYS).reshape(rows, KEYS)
    y[1::3] >>= 5
    y[2::5, : KEYS // 3] = MASKED
    y[3::7, ::4] = MASKED
    y[4] = MASKED
    # Behind masked keys nothing but the lowest logits: what the masked ones summed is not shifted out later.
    lowest = y[5::11]
    lowest[:] = random.integers(MASKED + 1, MASKED + 600, lowest.shape)
    lowest[:, : KEYS // 4] = MASKED
    return y


@pytest.mark.parametrize("fraction_bits", [6, 8])
def test_statistics_are_those_of_the_reference(fraction_bits: int, seed: int) -> None:
    spec, y = OnlineSoftmax(fraction_bits), logits(seed)
    body = f"""
        auto row = no_keys<Powers>();
        for (int key = 0; key < {KEYS}; ++key) row = with_key<Powers>(row, in[key]);
        out[0] = row.m;
        out[1] = row.sum;"""
    found = run_cpp("softmax", body, y, outputs=2, declarations=powers_type("Powers", spec.exp2))
    np.testing.assert_array_equal(found.T, np.stack([each.numpy() for each in spec.statistics(torch.from_numpy(y))]))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_numerators_are_those_of_the_reference(bits: int, seed: int) -> None:
    spec, y = OnlineSoftmax(6, bits), logits(seed)
    m, _ = spec.statistics(torch.from_numpy(y))
    rows = np.stack([y.reshape(-1), np.repeat(m.numpy(), KEYS)], 1)
    found = run_cpp(
        "softmax", f"out[0] = numerator<Powers, {bits}>(in[0], in[1]);", rows,
        declarations=powers_type("Powers", spec.exp2),
    )  # fmt: skip
    np.testing.assert_array_equal(found.reshape(y.shape), spec.numerators(torch.from_numpy(y), m).numpy())


@pytest.mark.parametrize("bits", [8, 16])
def test_outputs_are_divided_as_in_the_reference(bits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    count = 3000
    sums, products = random.integers(1 << 14, 1 << 28, count), integers(random, 32, count)
    multipliers, shifts = random.integers(1 << 16, 1 << 17, count), random.integers(0, 37, count)
    body = """
        const auto factor = row_factor<8>(reciprocal<Table>(in[1]), in[2], int(in[3]));
        out[0] = normalize<BITS>(in[0], factor);""".replace("BITS", str(bits))
    rows = np.stack([products, sums, multipliers, shifts], 1)
    found = run_cpp("softmax", body, rows, declarations=reciprocal_type("Table", RECIPROCAL))
    vectors = [torch.from_numpy(each) for each in (sums, multipliers, shifts)]
    expected = OnlineSoftmax(6, 8).normalize(torch.from_numpy(products)[:, None], *vectors, bits)
    np.testing.assert_array_equal(found, expected.numpy())
