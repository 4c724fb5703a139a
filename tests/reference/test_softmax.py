"""The online softmax against a loop over keys in Python integers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.requantize import Requantize
from vitaccel.reference.softmax import MASKED, OnlineSoftmax

SPECS = [OnlineSoftmax(f, n) for f in (6, 8) for n in (8, 12, 16)]
BOTH = [OnlineSoftmax(6), OnlineSoftmax(8)]


def numerator(spec: OnlineSoftmax, y: int, m: int) -> int:
    """The 16-bit numerator: a mantissa, shifted and rounded half up; nothing of a masked key once m has risen."""
    if y == MASKED and m > spec.lowest:
        return 0
    one = 1 << spec.fraction_bits
    return floor(Fraction(spec.exp2.mantissas[y % one], 2 ** (m - y // one)) + Fraction(1, 2))


def loop(spec: OnlineSoftmax, row: Sequence[int]) -> tuple[int, int]:
    """The statistics as the lanes compute them, key by key."""
    m, total = -(2**15 >> spec.fraction_bits), 0
    for y in row:
        ceiling = -(-y // (1 << spec.fraction_bits))
        if ceiling > m:
            total = 0 if m == spec.lowest else total >> (ceiling - m)
            m = ceiling
        total += numerator(spec, y, m)
    return m, total


def rows_of_every_kind(spec: OnlineSoftmax, seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    one = 1 << spec.fraction_bits
    rows: list[list[int]] = []
    for keys in (1, 2, 3, 7, 8, 9, 63, 197):
        rows += [rng.normal(0, s * one, keys).round().clip(MASKED, 32767).astype(int).tolist() for s in (0.3, 3, 20)]
        rows.append(rng.integers(MASKED, 32768, keys).tolist())
        rows.append(sorted(rng.integers(-5 * one, 5 * one, keys).tolist()))
        masked = rng.normal(0, 2 * one, keys).round().astype(int)
        masked[rng.random(keys) < 0.5] = MASKED
        rows.append(masked.tolist())
    ramp = list(range(-300, 300, 3))
    extremes = [MASKED, MASKED + 1, 32767, MASKED + one, MASKED + one + 1, 32767 - one]
    low = [MASKED, MASKED, MASKED + 1, MASKED, MASKED + 3]  # masked keys only, until the third
    steep = list(range(-32767, 32768, 64 * one + 1))
    every_octave = list(range(-32768, 32768, one))
    return [*rows, ramp, ramp[::-1], extremes, extremes[::-1], low, steep, every_octave, [MASKED], [MASKED] * 9]


@pytest.mark.parametrize("spec", BOTH)
def test_statistics_are_those_of_the_loop_over_keys(spec: OnlineSoftmax, seed: int) -> None:
    for row in rows_of_every_kind(spec, seed):
        m, total = spec.statistics(torch.tensor(row))
        assert (int(m), int(total)) == loop(spec, row)


@pytest.mark.parametrize("spec", BOTH)
def test_rows_with_different_levels_do_not_disturb_each_other(spec: OnlineSoftmax, seed: int) -> None:
    rows = [row for row in rows_of_every_kind(spec, seed) if len(row) == 63]
    assert len(rows) >= 5
    m, total = spec.statistics(torch.tensor(rows))
    assert list(zip(m.tolist(), total.tolist(), strict=True)) == [loop(spec, row) for row in rows]


@pytest.mark.parametrize("spec", BOTH)
@pytest.mark.parametrize("keys", [577, 1024, 4096])
def test_long_rows_are_those_of_the_loop(spec: OnlineSoftmax, keys: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = rng.normal(0, 4 << spec.fraction_bits, keys).round().astype(int).tolist()
    for order in (row, sorted(row)):
        m, total = spec.statistics(torch.tensor(order, dtype=torch.int16))
        assert (int(m), int(total)) == loop(spec, order)


def test_the_sum_depends_on_the_order_which_is_why_the_order_is_fixed() -> None:
    rng = np.random.default_rng(0)
    row = rng.normal(0, 2 * 64, 197).round().astype(np.int64)
    orders = torch.from_numpy(np.stack([rng.permutation(row) for _ in range(50)]))
    total = OnlineSoftmax().statistics(orders)[1]
    assert total.unique().numel() > 1
    assert int(total.max() - total.min()) < 197


@pytest.mark.parametrize("spec", SPECS)
def test_numerators_are_rounded_half_up_and_saturated(spec: OnlineSoftmax, seed: int) -> None:
    fraction = {8: 8, 12: 12, 16: 15}[spec.numerator_bits]
    for row in rows_of_every_kind(spec, seed):
        y = torch.tensor(row)
        m, _ = spec.statistics(y)
        expected = [
            min(
                floor(Fraction(numerator(spec, code, int(m)), 2 ** (15 - fraction)) + Fraction(1, 2)),
                spec.numerator.max,
            )
            for code in row
        ]
        assert spec.numerators(y, m).tolist() == expected


@pytest.mark.parametrize("spec", SPECS)
def test_masked_keys_take_no_part(spec: OnlineSoftmax, seed: int) -> None:
    """A row with masked keys anywhere is the row without them."""
    rng = np.random.default_rng(seed)
    for lowest_row in (False, True):
        kept = rng.integers(MASKED + 1, MASKED + 900, 11) if lowest_row else rng.integers(-900, 900, 11)
        places = np.sort(rng.permutation(40)[:11])
        row = np.full(40, MASKED)
        row[places] = kept
        y, alone = torch.from_numpy(row), torch.from_numpy(kept)
        (m, total), (m_alone, total_alone) = spec.statistics(y), spec.statistics(alone)
        assert (int(m), int(total)) == (int(m_alone), int(total_alone))
        for got, expected in (
            (spec.numerators(y, m), spec.numerators(alone, m)),
            (spec.probabilities(y), spec.probabilities(alone)),
        ):
            assert torch.equal(got[places], expected)
            assert int(got.sum()) == int(expected.sum())


@pytest.mark.parametrize("spec", SPECS)
def test_when_every_key_is_masked_all_count_alike(spec: OnlineSoftmax) -> None:
    y = torch.full((3, 5), MASKED)
    m, total = spec.statistics(y)
    assert (m == spec.lowest).all()
    assert (total == 5 * spec.exp2.numerators[0]).all()
    assert spec.numerators(y, m).unique().numel() == 1
    assert spec.probabilities(y).flatten().tolist() == pytest.approx([65536 / 5] * 15, abs=2)


@pytest.mark.parametrize("spec", SPECS)
def test_widths_hold_for_the_longest_row_of_the_largest_numerators(spec: OnlineSoftmax) -> None:
    y = torch.zeros(4096, dtype=torch.int16)
    m, total = spec.statistics(y)
    assert int(total) == 4096 * spec.exp2.numerators[0]
    assert int(total).bit_length() <= spec.sum_bits(4096) == 28
    accumulated = int((spec.numerators(y, m) * -128).sum())
    assert -(1 << spec.accumulator_bits(4096) - 1) <= accumulated


def test_int32_holds_which_rows() -> None:
    longest = {n: max(k for k in range(1, 4097) if OnlineSoftmax(6, n).accumulator_bits(k) <= 32) for n in (8, 12, 16)}
    assert longest == {8: 4096, 12: 4096, 16: 511}
    assert [OnlineSoftmax(6, n).accumulator_bits(4096) for n in (8, 12, 16)] == [28, 32, 36]


@pytest.mark.parametrize("spec", BOTH)
def test_the_smallest_sum_has_15_bits(spec: OnlineSoftmax) -> None:
    y = torch.arange(-(1 << spec.fraction_bits), 1).unsqueeze(-1)
    assert int(spec.statistics(y)[1].min()) >= 2**14


def drained(spec: OnlineSoftmax, a: int, total: int, factor: Requantize, bits: int, residual: int = 0) -> int:
    """One output of the drain by its definition, in Python integers, with every width checked."""
    (r,), (k,) = (t.tolist() for t in spec.reciprocal.compute(torch.tensor([total])))
    row_multiplier = (r * factor.multiplier + 2**16) >> 17
    assert row_multiplier.bit_length() <= 17
    assert (a * row_multiplier).bit_length() <= 52
    shift = k + factor.shift + spec.numerator.fraction - 15
    limit = 1 << bits - 1
    rounded = floor(Fraction(a * row_multiplier, 2**shift) + Fraction(1, 2))
    return min(max(rounded + residual, -limit), limit - 1)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("spec", SPECS)
def test_the_drain_is_one_multiplication_and_one_rounding(spec: OnlineSoftmax, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    most = (1 << spec.accumulator_bits(4096) - 1) - 1
    totals = [2**14, 2**27, *(int(2**u) for u in rng.uniform(14, 27, 18))]
    accumulated = np.stack([(rng.choice([-1, 1], 6) * 2 ** rng.uniform(0, 1, 6) * most / 2).astype(np.int64)] * 20)
    accumulated[:, :2] = [most, -most - 1]
    accumulated[:, 3:] >>= rng.integers(0, 24, (20, 3))
    for real in (1.0, 2.0**-20, 0.0123, 130000.0, float(2 ** rng.uniform(-20, 16))):
        factor = Requantize.from_scale(real, bits)
        got = spec.normalize(
            torch.from_numpy(accumulated), torch.tensor(totals), factor.multiplier, factor.shift, bits
        ).tolist()
        for row, total in enumerate(totals):
            assert got[row] == [drained(spec, int(a), total, factor, bits) for a in accumulated[row]]


def test_a_factor_a_head_is_the_same_factor_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spec = OnlineSoftmax(6, 8)
    accumulated = torch.from_numpy(rng.integers(-(2**24), 2**24, (2, 3, 5, 4)))
    total = torch.from_numpy(rng.integers(2**14, 2**22, (2, 3, 5)))
    heads = [Requantize.from_scale(s, 8) for s in (0.5, 1.7, 0.03)]
    multiplier = torch.tensor([[h.multiplier] for h in heads])
    shift = torch.tensor([[h.shift] for h in heads])
    together = spec.normalize(accumulated, total, multiplier, shift)
    for i, head in enumerate(heads):
        alone = spec.normalize(accumulated[:, i], total[:, i], head.multiplier, head.shift)
        assert torch.equal(together[:, i], alone)


def test_a_residual_joins_between_the_rounding_and_the_saturation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spec, factor = OnlineSoftmax(6, 12), Requantize.from_scale(300.0, 16)
    accumulated = rng.integers(-(2**30), 2**30, (9, 4))
    residual = rng.integers(-(2**15), 2**15, (9, 4))
    total = rng.integers(2**17, 2**22, 9)
    got = spec.normalize(
        *(torch.from_numpy(t) for t in (accumulated, total)),
        factor.multiplier,
        factor.shift,
        16,
        torch.from_numpy(residual),
    ).tolist()
    for row in range(9):
        pairs = zip(accumulated[row].tolist(), residual[row].tolist(), strict=True)
        assert got[row] == [drained(spec, a, int(total[row]), factor, 16, r) for a, r in pairs]


@pytest.mark.parametrize("spec", SPECS)
def test_attention_is_the_average_of_the_values(spec: OnlineSoftmax, seed: int) -> None:
    """The chain against float64 softmax of the same logits, within what rounding of n, u, S and outputs may do."""
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 2 << spec.fraction_bits, (20, 197)).round().astype(np.int64)
    values = rng.integers(-127, 128, (197, 16))
    powers = 2.0 ** (y / 2**spec.fraction_bits)
    truth = powers / powers.sum(-1, keepdims=True) @ values * 2.0
    logits = torch.from_numpy(y)
    m, total = spec.statistics(logits)
    u = spec.numerators(logits, m)
    got = spec.normalize(u @ torch.from_numpy(values), total, 65536, 15).numpy()
    half = 2.0**-16 + (0 if spec.numerator_bits == 16 else 2.0 ** -(spec.numerator.fraction + 1))
    of_a_key = half * (1 + (u == spec.numerator.max).numpy())
    bound = 0.5 + 2 * (2.0**15 / total.numpy())[:, None] * (of_a_key @ np.abs(values)) + 2e-3 * np.abs(truth)
    assert (np.abs(got - truth.clip(-128, 127)) <= bound).all()


@pytest.mark.parametrize("spec", BOTH)
def test_probabilities_are_n_times_the_reciprocal(spec: OnlineSoftmax, seed: int) -> None:
    for row in rows_of_every_kind(spec, seed):
        m, total = loop(spec, row)
        (r,), (k,) = (t.tolist() for t in spec.reciprocal.compute(torch.tensor([total])))
        exact = [Fraction(numerator(spec, y, m) * r, 2 ** (k + 1)) for y in row]
        expected = [min(floor(p + Fraction(1, 2)), 65535) for p in exact]
        assert spec.probabilities(torch.tensor(row)).tolist() == expected


def test_probabilities_do_not_depend_on_the_width_of_numerators(seed: int) -> None:
    y = torch.from_numpy(np.random.default_rng(seed).integers(-300, 300, (4, 30)))
    first, *others = (OnlineSoftmax(6, n).probabilities(y) for n in (8, 12, 16))
    assert all(torch.equal(first, other) for other in others)


def codes(*values: int) -> Tensor:
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (codes(1, 32768), "a logit must be an int16 code, -32768 to 32767, not 32768"),
        (codes(-32769), "a logit must be an int16 code, -32768 to 32767, not -32769"),
        (torch.zeros((2, 0), dtype=torch.int16), "a softmax must be over 1 to 4096 keys, not over a tensor of [2, 0]"),
        (torch.zeros(4097, dtype=torch.int16), "a softmax must be over 1 to 4096 keys, not over a tensor of [4097]"),
        (torch.tensor(3), "a softmax must be over 1 to 4096 keys, not over a tensor of []"),
        (torch.zeros(3), "a tensor of codes must hold integers, not torch.float32"),
    ],
)
def test_rows_that_are_none_are_refused(y: Tensor, sentence: str) -> None:
    for compute in (OnlineSoftmax().statistics, OnlineSoftmax().probabilities):
        with pytest.raises(NumericsError) as error:
            compute(y)
        assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("multiplier", "shift", "sentence"),
    [
        (65535, 16, "the multiplier of an output's scale must be 65536 to 131071, not 65535"),
        (-65536, 16, "the multiplier of an output's scale must be 65536 to 131071, not -65536"),
        (codes(65536, 131072), 16, "the multiplier of an output's scale must be 65536 to 131071, not 131072"),
        (65536, 37, "the shift of an output's scale must be 0 to 36, not 37"),
        (65536, codes(3, -1), "the shift of an output's scale must be 0 to 36, not -1"),
    ],
)
def test_factors_that_do_not_fit_are_refused(multiplier: int | Tensor, shift: int | Tensor, sentence: str) -> None:
    with pytest.raises(NumericsError) as error:
        OnlineSoftmax().normalize(torch.zeros((2, 3), dtype=torch.int32), codes(2**15, 2**15), multiplier, shift)
    assert str(error.value) == sentence


def test_shapes_that_do_not_fit_are_refused() -> None:
    a, total = torch.zeros((2, 3), dtype=torch.int32), codes(2**15, 2**15)
    with pytest.raises(NumericsError, match=r"A must be \[2\] rows of channels, not \[3, 2\]"):
        OnlineSoftmax().normalize(a.T, total, 65536, 16)
    with pytest.raises(NumericsError, match=r"a residual must have the shape \[2, 3\], not \[2, 1\]"):
        OnlineSoftmax().normalize(a, total, 65536, 16, residual=a[:, :1])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((7, 16), "fraction_bits of a softmax must be 6 or 8, not 7"),
        ((6, 10), "numerator_bits of a softmax must be 8, 12 or 16, not 10"),
    ],
)
def test_widths_that_are_not_offered_are_refused(fields: tuple[int, int], sentence: str) -> None:
    with pytest.raises(NumericsError) as error:
        OnlineSoftmax(*fields)
    assert str(error.value) == sentence


def test_formats_have_names() -> None:
    assert [str(OnlineSoftmax(f).logit) for f in (6, 8)] == ["q9.6", "q7.8"]
    assert [str(OnlineSoftmax(6, n).numerator) for n in (8, 12, 16)] == ["uq0.8", "uq0.12", "uq1.15"]
