from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from tests.rtl.test_exp2 import table_of
from tests.rtl.test_softmax import LENGTHS, row_blocks, statistics_lanes, words_of
from vitaccel.reference.reciprocal import Reciprocal as Spec
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.reciprocal import Reciprocal, RowFactor
from vitaccel_rtl.requantize import Requantize
from vitaccel_rtl.softmax import SoftmaxNumerators
from vitaccel_sim.traffic.reciprocal import octaves

SPECS = (Spec(), Spec(4, 7), Spec(7, 12), Spec(5, 10))


def options(spec: Spec) -> dict:
    return {"table": spec.table, "entry_bits": spec.entry_bits, "centre": spec.centre}


def sums(rng: random.Random, count: int) -> list[int]:
    return octaves(0, 31) + [rng.randrange(1 << rng.randint(0, 31), 1 << 32) for _ in range(count)]


def groups(values: list[int], lanes: int) -> list[dict]:
    values = values + values[:1] * (-len(values) % lanes)
    return [{"lanes": values[n : n + lanes], "last": n % 3 == 0} for n in range(0, len(values), lanes)]


def check(spec: Spec, words: list[dict], result) -> None:
    mantissa, k = spec.compute(torch.tensor([w["lanes"] for w in words]))
    assert [w["mantissa"] for w in result.words] == mantissa.tolist()
    assert [w["exponent"] for w in result.words] == k.tolist()
    assert [w["last"] for w in result.words] == [w["last"] for w in words]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_octave(spec: Spec, seed: int) -> None:
    words = groups(sums(random.Random(seed), 400), 8)
    block = Reciprocal(lanes=8, **options(spec))
    result = run(block, words, len(words))
    check(spec, words, result)
    check_full_speed(result, block)


def test_both_ends_of_every_interval_of_the_table() -> None:
    spec = Spec()
    words = groups([(64 + i) << 10 | low for i in range(64) for low in (0, 1023)], 4)
    check(spec, words, run(Reciprocal(lanes=4, **options(spec)), words, len(words)))


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    words = groups(sums(random.Random(seed), 30), 2)
    check(Spec(), words, run(Reciprocal(lanes=2, **options(Spec())), words, len(words), profile, seed))


def test_one_bit_of_any_entry_is_found(seed: int) -> None:
    spec = Spec()
    table = list(spec.table)
    place = random.Random(seed).randrange(1, 63)
    table[place] ^= 1
    words = groups([(64 + i) << 10 | low for i in range(64) for low in (0, 300, 511, 700, 1023)], 4)
    result = run(Reciprocal(lanes=4, **{**options(spec), "table": tuple(table)}), words, len(words))
    with pytest.raises(AssertionError):
        check(spec, words, result)


@pytest.mark.parametrize("numerator_bits", [8, 12, 16])
def test_a_whole_attention_row_is_the_one_of_the_spec(numerator_bits: int, seed: int) -> None:
    """Statistics, factor, numerators and normalisation one after another; A is summed up between them."""
    rng = random.Random(seed)
    spec = OnlineSoftmax(6, numerator_bits)
    multiplier, shift = rng.randrange(2**16, 2**17), rng.randint(14, 18)
    powers = {"fraction_bits": 6, "table": table_of(spec.exp2)}
    blocks = row_blocks(seed, 6, LENGTHS)
    found = run(statistics_lanes(spec), words_of(blocks), len(blocks)).words
    scale = {"multiplier": multiplier, "shift": shift, "last": 1}
    factors = RowFactor(lanes=4, numerator_bits=numerator_bits, **options(spec.reciprocal))
    factor_run = run(factors, [{"lanes": w["total"], **scale} for w in found], len(blocks))
    check_full_speed(factor_run, factors)
    words = words_of(blocks, [w["m"] for w in found])
    u = run(SoftmaxNumerators(lanes=4, bits=numerator_bits, **powers), words, len(words)).words
    expected, drained, start = [], [], 0
    for rows, statistic, factor in zip(blocks, found, factor_run.words, strict=True):
        keys = len(rows[0])
        values = torch.tensor([[rng.randint(-128, 127) for _ in range(6)] for _ in range(keys)])
        weights = torch.tensor([w["lanes"] for w in u[start : start + keys]]).T
        start += keys
        accumulated = weights @ values
        expected += spec.normalize(accumulated, torch.tensor(statistic["total"]), multiplier, shift).T.tolist()
        factor = {"multiplier": factor["multiplier"], "shift": factor["shift"]}
        drained += [{"lanes": accumulated[:, c].tolist(), **factor, "last": c == 5} for c in range(6)]
    lanes = Requantize(lanes=4, acc_bits=35, bits=8, has_offset=False, has_residual=False, per_lane=True)
    assert [w["lanes"] for w in run(lanes, drained, len(drained)).words] == expected


def test_parameters_out_of_range_are_refused() -> None:
    good = options(Spec())
    refuses("lanes of a reciprocal must be an integer from 1 to 256, not 0", Reciprocal, lanes=0, **good)
    sentence = "entries of a reciprocal must be 16, 32, 64 or 128, not 63"
    refuses(sentence, Reciprocal, lanes=1, **{**good, "table": good["table"][1:]})
    sentence = "numerator_bits of a reciprocal must be 8, 12 or 16, not 9"
    refuses(sentence, RowFactor, lanes=1, numerator_bits=9, **good)
