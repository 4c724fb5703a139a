"""LayerNorm: exact moments, the affine part, widths at the extremes, the same for every batch, integers only."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.certificate.layernorm import layernorm
from vitaccel.reference.layernorm import LayerNorm, moments

ROOT_ERROR = 1.1e-5
"""Relative, of a row's factor."""

PLAIN = {"in_scale": 2.0**-12, "out_scale": 1 / 16, "eps": 1e-6}


def plain(channels: int, **changes: Any) -> LayerNorm:
    return LayerNorm.from_affine([1.0] * channels, [0.0] * channels, **{**PLAIN, **changes})


def random_codes(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(-32768, 32768, shape, dtype=np.int16))


def by_python(norm: LayerNorm, row: list[int]) -> list[int]:
    """The module's formulas in Python's unbounded integers."""
    count, total, squares = len(row), sum(row), sum(x * x for x in row)
    mantissa, exponent = norm.rsqrt.compute(torch.tensor(count * squares - total**2 + norm.epsilon))
    shift = 18 + int(exponent) - 15
    z = [((count * x - total) * int(mantissa) + (1 << shift - 1)) >> shift for x in row]
    half = 1 << norm.shift >> 1
    affine = zip(z, norm.multiplier.tolist(), norm.offset.tolist(), strict=True)
    out = [(value * m + o + half) >> norm.shift for value, m, o in affine]
    limit = 1 << norm.bits - 1
    return [min(max(value, -limit), limit - 1) for value in out]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 48, 385])
def test_nothing_overflows_or_differs_from_unbounded_integers(channels: int, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    norm = LayerNorm(
        multiplier=torch.from_numpy(rng.integers(-(2**17) + 1, 2**17, channels)),
        offset=torch.from_numpy(rng.integers(-(2**31) + 1, 2**31, channels)),
        shift=int(rng.integers(0, 24)),
        epsilon=int(2.0 ** rng.uniform(0, 61)),
        bits=bits,
    )
    rows = [*random_codes(seed, 6, channels).tolist(), [-32768] * channels, [32767] * channels]
    rows += [[-32768] + [32767] * (channels - 1), [32767] + [-32768] * (channels - 1)]
    assert norm.compute(torch.tensor(rows)).tolist() == [by_python(norm, row) for row in rows]


def test_the_widths_of_the_docstring_hold_at_4096_channels() -> None:
    norm = replace(plain(4096), epsilon=1)
    rows = torch.full((3, 4096), -32768, dtype=torch.int16)
    rows[0, 2048:] = 32767
    rows[1, 0] = 32767
    rows[2, :-1] = 32767
    z = norm.normalize(rows)
    assert z.abs().max() < 1 << 21
    # An outlier is sqrt(C - 1) deviations out.
    assert z[1, 0].item() / 2**15 == pytest.approx(math.sqrt(4095), rel=ROOT_ERROR)
    assert z[2, -1].item() / 2**15 == pytest.approx(-math.sqrt(4095), rel=ROOT_ERROR)
    assert [norm.compute(row).tolist() for row in rows] == [by_python(norm, row.tolist()) for row in rows]


def test_constant_rows_are_beta_whatever_eps() -> None:
    beta = [-3.0, 0.0, 0.26, 100.0]
    for eps in (0.0, 1e-12, 1e-6, 1.0):
        norm = LayerNorm.from_affine([1.0] * 4, beta, **{**PLAIN, "eps": eps})
        rows = torch.tensor([[c] * 4 for c in (-32768, -1, 0, 1, 32767)])
        assert norm.compute(rows).tolist() == [[-48, 0, 4, 127]] * 5


@pytest.mark.parametrize(("bits", "out_scale"), [(8, 1 / 16), (16, 2.0**-12)])
def test_the_whole_layer_is_float_layernorm_rounded(bits: int, out_scale: float, seed: int) -> None:
    """Each code is off by its own rounding and what is rounded before it: z and its root, multiplier, offset."""
    rng = np.random.default_rng(seed)
    gamma, beta = rng.normal(1, 0.5, 384), rng.normal(0, 0.5, 384)
    norm = LayerNorm.from_affine(gamma.tolist(), beta.tolist(), bits=bits, **{**PLAIN, "out_scale": out_scale})
    codes = np.round(rng.normal(0.3, 1.0, (64, 384)) * 4096).astype(np.int16)
    got = norm.compute(torch.from_numpy(codes)).numpy()
    z = layernorm(codes / 4096, 1e-6)
    true = (z * gamma + beta) / out_scale
    steps = np.abs(z) * 2**15
    before = (0.5 + steps * ROOT_ERROR) * np.abs(norm.multiplier.numpy()) + steps * 0.5 + 0.5
    limit = 2 ** (bits - 1)
    assert (np.abs(got - true.clip(-limit, limit - 1)) <= 0.5 + before / 2**norm.shift).all()


def test_a_scale_per_channel_is_the_same_as_a_gamma_per_channel() -> None:
    gamma, beta, scales = [1.0, 2.0, -3.0], [0.5, -1.0, 4.0], [0.25, 0.5, 0.125]
    each = LayerNorm.from_affine(gamma, beta, in_scale=0.01, out_scale=scales, eps=1e-5)
    folded = [[v / s for v, s in zip(vector, scales, strict=True)] for vector in (gamma, beta)]
    one = LayerNorm.from_affine(*folded, in_scale=0.01, out_scale=np.float32(1), eps=1e-5)
    x = random_codes(0, 8, 3)
    assert torch.equal(each.compute(x), one.compute(x))


def test_eps_counts_in_squared_input_steps_and_is_at_least_one() -> None:
    assert plain(384).epsilon == round(Fraction(1e-6) * 384**2 * 2**24)
    assert plain(384, eps=0.0).epsilon == plain(384, eps=1e-30).epsilon == 1
    codes = torch.tensor([[3, -3] * 8], dtype=torch.int16)
    got = plain(16, eps=1e-4).normalize(codes).numpy() / 2**15
    assert np.allclose(got, layernorm(codes.numpy() * 2.0**-12, 1e-4), rtol=1.1e-5, atol=2**-16)


def test_the_shift_is_the_longest_that_fits() -> None:
    assert plain(4).shift == 23
    assert plain(4).multiplier.tolist() == [16 << 8] * 4
    fine = plain(4, out_scale=2.0**-12, bits=16)
    assert fine.shift == 19
    assert fine.multiplier.tolist() == [1 << 16] * 4
    far = LayerNorm.from_affine([1.0], [300.0 / 16], **PLAIN)  # 300 steps: more than 256
    assert (far.shift, far.offset.tolist()) == (22, [300 << 22])


def test_rows_are_independent_of_their_batch_and_of_threads(seed: int) -> None:
    norm, x = plain(96), random_codes(seed, 4, 50, 96)
    whole = without_float(norm.compute, x)
    assert whole.dtype is torch.int64
    assert torch.equal(whole, torch.stack([torch.stack([norm.compute(row) for row in rows]) for rows in x]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert torch.equal(whole, norm.compute(x))
    finally:
        torch.set_num_threads(threads)
    assert norm.compute(x[:0]).shape == (0, 50, 96)


def vector(*values: int) -> torch.Tensor:
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"multiplier": vector(1, 1 << 17)}, "multiplier of a layernorm must be within ±131071, not 131072"),
        ({"offset": vector(-(1 << 31), 0)}, "offset of a layernorm must be within ±2147483647, not -2147483648"),
        ({"offset": vector(1)}, r"offset of a layernorm must be one integer for each of 1 to 4096 channels, not \[1\]"),
        ({"multiplier": vector()}, "must hold integers, not torch.float32"),
        ({"shift": 24}, "shift of a layernorm must be 0 to 23, not 24"),
        ({"epsilon": 0}, "epsilon of a layernorm must be 1 to 4611686018427387903, not 0"),
        ({"bits": 12}, "result of a layernorm must have 8 or 16 bits, not 12"),
    ],
)
def test_impossible_integers_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        replace(LayerNorm(vector(1, 2), vector(0, 0), 15, 1), **changes)


@pytest.mark.parametrize(
    ("gamma", "beta", "changes", "sentence"),
    [
        ([1.0], [0.0, 0.0], {}, "gamma, beta and output scales of a layernorm must have one length, not 1, 2 and 1"),
        ([1.0], [0.0], {"out_scale": [1.0, 2.0]}, "must have one length, not 1, 1 and 2"),
        ([1.0], [0.0], {"in_scale": 0.0}, "the scales of a layernorm must be positive and finite"),
        ([1.0], [0.0], {"out_scale": math.nan}, "the scales of a layernorm must be positive and finite"),
        ([math.inf], [0.0], {}, "gamma, beta and eps of a layernorm must be finite, and eps not negative"),
        ([1.0], [0.0], {"eps": -1e-6}, "gamma, beta and eps of a layernorm must be finite, and eps not negative"),
        ([1e12], [0.0], {}, r"must be below 2\*\*32 and 2\*\*31 output steps, not 1.6e\+13 and 0"),
        ([0.0], [1e12], {}, r"must be below 2\*\*32 and 2\*\*31 output steps, not 0 and 1.6e\+13"),
        ([], [], {}, r"must be one integer for each of 1 to 4096 channels, not \[0\]"),
    ],
)
def test_a_layer_without_integers_is_refused(
    gamma: list[float], beta: list[float], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(NumericsError, match=sentence):
        LayerNorm.from_affine(gamma, beta, **{**PLAIN, **changes})


def test_moments_may_be_taken_before_and_in_parts(seed: int) -> None:
    norm, rows = plain(48), random_codes(seed, 2, 5, 48)
    taken = moments(rows[..., :32]) + moments(rows[..., 32:])
    assert taken.shape == (2, 5, 2)
    assert taken[1, 3].tolist() == [sum(rows[1, 3].tolist()), sum(x * x for x in rows[1, 3].tolist())]
    assert torch.equal(norm.compute(rows, taken), norm.compute(rows))
    assert not torch.equal(norm.compute(rows, moments(rows[..., :32])), norm.compute(rows))


def test_moments_of_other_rows_are_refused(seed: int) -> None:
    rows = random_codes(seed, 5, 48)
    with pytest.raises(NumericsError, match=r"^moments of rows \[5, 48\] must be \[5, 2\], not \[4, 2\]$"):
        plain(48).compute(rows, moments(rows[:4]))


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(NumericsError, match=r"rows of a layernorm must have 4 channels, not shape \[2, 5\]"):
        plain(4).compute(torch.zeros((2, 5), dtype=torch.int16))
