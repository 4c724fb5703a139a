from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run, run_after_reset
from tests.rtl.test_exp2 import table_of
from vitaccel.reference.softmax import MASKED, OnlineSoftmax
from vitaccel_rtl.softmax import SoftmaxNumerators, SoftmaxStatistics
from vitaccel_sim.traffic.softmax import KINDS, random_blocks, row, row_words

LANES = 4
LENGTHS = (1, 2, LANES - 1, LANES, 37)


def row_blocks(seed: int, fraction_bits: int, lengths: tuple[int, ...], lanes: int = LANES) -> list[list[list[int]]]:
    return random_blocks({"lanes": lanes, "fraction_bits": fraction_bits}, random.Random(seed), lengths)


def words_of(blocks: list[list[list[int]]], m: list[list[int]] | None = None) -> list[dict]:
    fields = [{} for _ in blocks] if m is None else [{"m": highest} for highest in m]
    return [word for rows, given in zip(blocks, fields, strict=True) for word in row_words(rows, **given)]


def statistics(spec: OnlineSoftmax, blocks: list[list[list[int]]]) -> list[dict]:
    results = []
    for rows in blocks:
        m, total = spec.statistics(torch.tensor(rows))
        results.append({"m": m.tolist(), "total": total.tolist(), "last": 1})
    return results


def statistics_lanes(spec: OnlineSoftmax, lanes: int = LANES, table: tuple | None = None) -> SoftmaxStatistics:
    table = table or table_of(spec.exp2)
    return SoftmaxStatistics(lanes=lanes, fraction_bits=spec.fraction_bits, table=table)


@pytest.mark.parametrize("fraction_bits", [6, 8])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_statistics_under_every_profile(profile: Profile, fraction_bits: int, seed: int) -> None:
    spec = OnlineSoftmax(fraction_bits)
    blocks = row_blocks(seed, fraction_bits, LENGTHS * 3)
    result = run(statistics_lanes(spec), words_of(blocks), len(blocks), profile, seed)
    assert result.words == statistics(spec, blocks)


@pytest.mark.parametrize("fraction_bits", [6, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_statistics_of_every_kind_of_row(kind: str, fraction_bits: int, seed: int) -> None:
    spec, rng = OnlineSoftmax(fraction_bits), random.Random(seed)
    blocks = [[row(rng, kind, n, fraction_bits) for _ in range(8)] for n in (1, 40, 197)]
    assert run(statistics_lanes(spec, 8), words_of(blocks), 3).words == statistics(spec, blocks)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_a_reset_in_a_row_starts_a_new_one(count: int, seed: int) -> None:
    spec = OnlineSoftmax(6)
    blocks = row_blocks(seed, 6, (7, 2))
    forgotten = words_of(row_blocks(seed + 1, 6, (20,)))[:count]
    assert run_after_reset(statistics_lanes(spec), forgotten, words_of(blocks), 2).words == statistics(spec, blocks)


def test_the_largest_sum() -> None:
    spec = OnlineSoftmax(6)
    blocks = [[[0] * 4096, [MASKED] * 4096]]
    result = run(statistics_lanes(spec, 2), words_of(blocks), 1, patience=5000).words
    assert result == [{"m": [0, -512], "total": [2**27, 2**27], "last": 1}]


@pytest.mark.parametrize(("fraction_bits", "cycles"), [(6, 9), (8, 11)])
def test_the_latency_of_statistics(fraction_bits: int, cycles: int, seed: int) -> None:
    """From the last word of a row to its result; rows follow each other without a gap."""
    blocks = row_blocks(seed, fraction_bits, (5, 1, 1, 9))
    block = statistics_lanes(OnlineSoftmax(fraction_bits))
    result = run(block, words_of(blocks), 4)
    assert result.accepted == list(range(16))
    assert result.offered == [last + block.latency_cycles for last in (4, 5, 6, 15)]
    assert block.latency_cycles == cycles


@pytest.mark.parametrize("numerator_bits", [8, 12, 16])
@pytest.mark.parametrize("fraction_bits", [6, 8])
def test_numerators(fraction_bits: int, numerator_bits: int, seed: int) -> None:
    spec = OnlineSoftmax(fraction_bits, numerator_bits)
    blocks = row_blocks(seed, fraction_bits, LENGTHS * 3)
    m = [word["m"] for word in statistics(spec, blocks)]
    expected = []
    for rows, highest in zip(blocks, m, strict=True):
        expected += spec.numerators(torch.tensor(rows), torch.tensor(highest)).T.tolist()
    block = SoftmaxNumerators(lanes=LANES, fraction_bits=fraction_bits, table=table_of(spec.exp2), bits=numerator_bits)
    words = words_of(blocks, m)
    for profile in PROFILES[::3]:
        result = run(block, words, len(words), profile, seed)
        assert [w["lanes"] for w in result.words] == expected
        assert [w["last"] for w in result.words] == [w["last"] for w in words]
    result = run(block, words, len(words))
    check_full_speed(result, block)
    assert block.latency_cycles == {6: 4, 8: 6}[fraction_bits] + (numerator_bits < 16)


def test_one_bit_of_the_table_is_found(seed: int) -> None:
    spec = OnlineSoftmax(6)
    table = list(spec.exp2.mantissas)
    table[random.Random(seed).randrange(1, 64)] ^= 1 << 3
    blocks = [[list(range(64)), list(range(63, -1, -1))]]
    result = run(statistics_lanes(spec, 2, tuple(table)), words_of(blocks), 1)
    assert result.words != statistics(spec, blocks)


def test_parameters_out_of_range_are_refused() -> None:
    options = {"lanes": 1, "fraction_bits": 6, "table": OnlineSoftmax(6).exp2.mantissas}
    sentence = "sum_bits of a softmax must be an integer from 16 to 32, not 33"
    refuses(sentence, SoftmaxStatistics, **options, sum_bits=33)
    refuses("bits of a numerator must be 8, 12 or 16, not 10", SoftmaxNumerators, **options, bits=10)
    sentence = "fraction_bits of powers must be an integer from 1 to 10, not 11"
    refuses(sentence, SoftmaxNumerators, **{**options, "fraction_bits": 11})
