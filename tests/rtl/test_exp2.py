from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from vitaccel.reference import exp2 as spec
from vitaccel_rtl.exp2 import Exp2
from vitaccel_sim.traffic.exp2 import extreme_pairs, some_pairs

SPECS = (spec.Exp2(6), spec.Exp2Linear(8), spec.Exp2(3), spec.Exp2Linear(10, 64), spec.Exp2Linear(4, 2))


def table_of(powers: spec.Exp2 | spec.Exp2Linear) -> tuple:
    return powers.lines if isinstance(powers, spec.Exp2Linear) else powers.mantissas


def block_of(powers: spec.Exp2 | spec.Exp2Linear, lanes: int) -> Exp2:
    return Exp2(lanes=lanes, fraction_bits=powers.fraction_bits, table=table_of(powers))


def words_of(pairs: list[tuple[int, int]], lanes: int) -> list[dict]:
    pairs = pairs + pairs[:1] * (-len(pairs) % lanes)
    groups = [pairs[n : n + lanes] for n in range(0, len(pairs), lanes)]
    return [{"lanes": [y for y, _ in g], "m": [m for _, m in g], "last": 1} for g in groups]


def check(powers: spec.Exp2 | spec.Exp2Linear, words: list[dict], result) -> None:
    y, m = (torch.tensor([w[key] for w in words]) for key in ("lanes", "m"))
    assert [w["lanes"] for w in result.words] == powers.compute(y, m).tolist()


@pytest.mark.parametrize("powers", SPECS, ids=str)
def test_every_distance_gives_the_numerator_of_the_spec(powers: spec.Exp2 | spec.Exp2Linear) -> None:
    """The numerator depends on the distance m - y alone; here m is 0 or as high as it goes."""
    pairs = [(-distance, 0) for distance in range(min(18 << powers.fraction_bits, 2**15))]
    words = words_of(pairs, 8)
    check(powers, words, run(block_of(powers, 8), words, len(words)))


@pytest.mark.parametrize("powers", SPECS[:2], ids=str)
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, powers: spec.Exp2 | spec.Exp2Linear, seed: int) -> None:
    words = words_of(
        extreme_pairs(powers.fraction_bits) + some_pairs(random.Random(seed), powers.fraction_bits, 240), 3
    )
    check(powers, words, run(block_of(powers, 3), words, len(words), profile, seed))


@pytest.mark.parametrize(("powers", "cycles"), [(SPECS[0], 3), (SPECS[1], 5)], ids=str)
def test_the_latency_is_the_declared_one(powers: spec.Exp2 | spec.Exp2Linear, cycles: int, seed: int) -> None:
    words = words_of(some_pairs(random.Random(seed), powers.fraction_bits, 40), 1)
    block = block_of(powers, 1)
    check_full_speed(run(block, words, len(words)), block)
    assert block.latency_cycles == cycles


@pytest.mark.parametrize("powers", SPECS[:2], ids=str)
def test_one_bit_of_any_entry_is_found(powers: spec.Exp2 | spec.Exp2Linear, seed: int) -> None:
    rng = random.Random(seed)
    table = list(table_of(powers))
    place = rng.randrange(1, len(table))
    if isinstance(powers, spec.Exp2Linear):
        table[place] = (table[place][0] ^ 1 << LINE_BIT, table[place][1])
    else:
        table[place] ^= 1
    one = 1 << powers.fraction_bits
    words = words_of([(-distance, 0) for distance in range(2 * one)], 4)
    block = Exp2(lanes=4, fraction_bits=powers.fraction_bits, table=tuple(table))
    with pytest.raises(AssertionError):
        check(powers, words, run(block, words, len(words)))


LINE_BIT = 2
"""The lowest bit of a base that is a mantissa's; the two below it are cut off after the sum."""


def test_parameters_out_of_range_are_refused() -> None:
    table = SPECS[0].mantissas
    refuses("lanes of powers must be an integer from 1 to 256, not 0", Exp2, lanes=0, fraction_bits=6, table=table)
    sentence = "mantissas of powers must be 128, one for each fraction, not 64"
    refuses(sentence, Exp2, lanes=1, fraction_bits=7, table=table)
    sentence = "lines of powers must be a power of two from 2 to 128, not 3"
    refuses(sentence, Exp2, lanes=1, fraction_bits=8, table=SPECS[1].lines[:3])
