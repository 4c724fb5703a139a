from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from tests.rtl.test_reciprocal import groups
from vitaccel.reference.rsqrt import Rsqrt as Spec
from vitaccel_rtl.rsqrt import Rsqrt
from vitaccel_sim.traffic.rsqrt import ends_of_intervals, octaves

SPECS = (Spec(), Spec(4, 7), Spec(10, 14), Spec(6, 10))


def options(spec: Spec) -> dict:
    return {"table": spec.table, "entry_bits": spec.entry_bits, "centre": spec.centre}


def variances(rng: random.Random, count: int) -> list[int]:
    return octaves() + [rng.randrange(1, 1 << rng.randint(2, 63)) for _ in range(count)]


def check(spec: Spec, words: list[dict], result) -> None:
    mantissa, exponent = spec.compute(torch.tensor([w["lanes"] for w in words]))
    assert [w["mantissa"] for w in result.words] == mantissa.tolist()
    assert [w["exponent"] for w in result.words] == exponent.tolist()
    assert [w["last"] for w in result.words] == [w["last"] for w in words]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_octave(spec: Spec, seed: int) -> None:
    words = groups(variances(random.Random(seed), 300), 8)
    block = Rsqrt(lanes=8, **options(spec))
    result = run(block, words, len(words))
    check(spec, words, result)
    check_full_speed(result, block)
    assert block.latency_cycles == 17


def test_both_ends_of_every_interval_of_the_table() -> None:
    words = groups(ends_of_intervals(Spec()), 8)
    check(Spec(), words, run(Rsqrt(lanes=8, **options(Spec())), words, len(words)))


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    words = groups(variances(random.Random(seed), 30), 4)
    check(Spec(), words, run(Rsqrt(lanes=4, **options(Spec())), words, len(words), profile, seed))


def test_one_bit_of_any_entry_is_found(seed: int) -> None:
    """The Newton step hides the lowest bit of some entries from most arguments, but from no whole interval."""
    spec = Spec()
    table = list(spec.table)
    place = random.Random(seed).choice([n for n in range(256) if n % 128])
    table[place] ^= 1
    odd, interval = divmod(place, 128)
    # The highest bit is at 17, so one place further up the exponent is even.
    words = groups([((128 + interval) << 10 | t) << 1 - odd for t in range(1 << 10)], 8)
    result = run(Rsqrt(lanes=8, **{**options(spec), "table": tuple(table)}), words, len(words))
    with pytest.raises(AssertionError):
        check(spec, words, result)


def test_parameters_out_of_range_are_refused() -> None:
    good = options(Spec())
    refuses("lanes of a reciprocal square root must be an integer from 1 to 256, not 0", Rsqrt, lanes=0, **good)
    sentence = "entries of a reciprocal square root must be a power of two from 32 to 2048, not 255"
    refuses(sentence, Rsqrt, lanes=1, **{**good, "table": good["table"][1:]})
