from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from vitaccel.reference.residual import ResidualAdd as Spec
from vitaccel_rtl.residual import ResidualAdd
from vitaccel_sim.traffic.residual import case, extreme_pairs
from vitaccel_sim.traffic.values import every_fifth, some_int


def some_words(rng: random.Random, bits: int, update_bits: int, count: int) -> list[dict]:
    options = {"lanes": 3, "bits": bits, "update_bits": update_bits}
    drawn = [(some_int(rng, update_bits), some_int(rng, bits)) for _ in range(3 * count)]
    return case(options, (extreme_pairs(options) + drawn)[: 3 * count], every_fifth(count)).words


def check(words: list[dict], result, bits: int) -> None:
    update, residual = (torch.tensor([w[key] for w in words]) for key in ("lanes", "residual"))
    assert [w["lanes"] for w in result.words] == Spec(bits).compute(update, residual).tolist()
    assert [w["last"] for w in result.words] == [w["last"] for w in words]


@pytest.mark.parametrize(("bits", "update_bits"), [(16, 16), (8, 8), (16, 48), (32, 32), (16, 4)])
def test_sums_of_every_width(bits: int, update_bits: int, seed: int) -> None:
    words = some_words(random.Random(seed), bits, update_bits, 200)
    block = ResidualAdd(lanes=3, bits=bits, update_bits=update_bits)
    result = run(block, words, len(words))
    check(words, result, bits)
    check_full_speed(result, block)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    words = some_words(random.Random(seed), 16, 16, 60)
    check(words, run(ResidualAdd(lanes=3), words, len(words), profile, seed), 16)


def test_a_missing_saturation_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = some_words(random.Random(seed), 16, 16, 100)
    monkeypatch.setattr("vitaccel_rtl.residual.saturate", lambda value, _bits: value)
    with pytest.raises(AssertionError):
        check(words, run(ResidualAdd(lanes=3), words, len(words)), 16)


def test_parameters_out_of_range_are_refused() -> None:
    refuses("lanes of a residual addition must be an integer from 1 to 256, not 0", ResidualAdd, lanes=0)
    refuses("bits of a residual addition must be an integer from 8 to 32, not 7", ResidualAdd, lanes=1, bits=7)
