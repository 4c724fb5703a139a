from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.requantize import Requantize
from vitaccel_sim.traffic.requantize import MULTIPLIERS, case, some_words

INT32 = (-(2**31), 2**31 - 1)


def make_words(rng: random.Random, lanes: int, count: int, bits: int, residual: bool = True) -> list[dict]:
    return some_words(options(lanes, bits, residual), rng, (7,) * (count // 7))


def reference(words: list[dict], bits: int) -> list[dict]:
    return case(options(len(words[0]["lanes"]), bits, "residual" in words[0]), words).expected


def options(lanes: int, bits: int, residual: bool) -> dict[str, int]:
    return {"lanes": lanes, "acc_bits": 32, "bits": bits, "offset": 1, "residual": int(residual), "per_lane": 0}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_integers_of_the_spec(profile: Profile, bits: int, seed: int) -> None:
    words = make_words(random.Random(seed), 3, 150, bits)
    assert run(Requantize(lanes=3, bits=bits), words, len(words), profile, seed).words == reference(words, bits)


@pytest.mark.parametrize("residual", [0, 2**15 - 1, -(2**15)])
def test_the_extremes(residual: int) -> None:
    words = [
        {"lanes": [*INT32, -1, 0, 1], "offset": offset, "multiplier": multiplier, "shift": shift,
         "residual": [residual] * 5, "narrow": narrow, "last": 1}
        for offset in (*INT32, 0) for multiplier in MULTIPLIERS for shift in (0, 1, 16, 50, 63) for narrow in (0, 1)
    ]  # fmt: skip
    assert run(Requantize(lanes=5), words, len(words)).words == reference(words, 16)


def test_halves_are_rounded_up_at_every_shift() -> None:
    """(2 q + 1) * 2**(shift - 1) lies between q and q + 1; one less is below the half."""
    words = []
    for shift in range(1, 31):
        halves = [(2 * q + 1) << shift - 1 for q in (-1, 0, -2)]
        words.append(
            {"lanes": halves + [h - 1 for h in halves], "offset": 0, "multiplier": 1, "shift": shift, "last": 0}
        )
    result = run(Requantize(lanes=6, bits=8, has_residual=False), words, len(words)).words
    assert [word["lanes"] for word in result] == [[0, 1, -1, -1, 0, -2]] * len(words)


def test_the_latency_is_the_declared_one(seed: int) -> None:
    block = Requantize(lanes=2)
    words = make_words(random.Random(seed), 2, 40, 16)
    check_full_speed(run(block, words, len(words)), block)


def test_without_a_residual_and_for_one_lane(seed: int) -> None:
    words = make_words(random.Random(seed), 1, 150, 16, residual=False)
    assert run(Requantize(lanes=1, has_residual=False), words, len(words)).words == reference(words, 16)


@pytest.mark.parametrize("numerator_bits", [8, 12, 16])
def test_lanes_with_their_own_factor_normalize_a_softmax(numerator_bits: int, seed: int) -> None:
    """One row a lane: the multiplier and the shift are those of the row."""
    rng = random.Random(seed)
    spec = OnlineSoftmax(6, numerator_bits)
    lanes, channels = 4, 40
    total = torch.tensor([2**27, 2**14, rng.randrange(2**14, 2**27), rng.randrange(2**14, 2**20)])
    accumulated = torch.tensor(
        [[-(2**34), 2**34 - 1] + [rng.randint(-int(t) * 127, int(t) * 127) for _ in range(channels - 2)] for t in total]
    )
    multiplier, shift = rng.randrange(2**16, 2**17), rng.randint(0, 36)
    for places in (shift, 16, 36):
        expected = spec.normalize(accumulated, total, multiplier, places, bits=8)
        mantissa, k = spec.reciprocal.compute(total)
        words = [
            {
                "lanes": accumulated[:, c].tolist(),
                "multiplier": ((mantissa * multiplier + 2**16) >> 17).tolist(),
                "shift": (k + places + spec.numerator.fraction - 15).tolist(),
                "last": int(c == channels - 1),
            }
            for c in range(channels)
        ]
        block = Requantize(lanes=lanes, acc_bits=35, bits=8, has_offset=False, has_residual=False, per_lane=True)
        result = run(block, words, len(words)).words
        assert [word["lanes"] for word in result] == expected.T.tolist()


def test_a_changed_rounding_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = make_words(random.Random(seed), 3, 150, 16)
    monkeypatch.setattr("vitaccel_rtl.requantize.round_off", lambda value: value[1:].as_signed())
    assert run(Requantize(lanes=3), words, len(words)).words != reference(words, 16)


def test_parameters_out_of_range_are_refused() -> None:
    refuses("lanes of a requantization must be an integer from 1 to 256, not 0", Requantize, lanes=0)
    refuses("bits of a requantization must be 8 or 16, not 12", Requantize, lanes=1, bits=12)
    refuses("acc_bits of a requantization must be an integer from 16 to 34, not 35", Requantize, lanes=1, acc_bits=35)
