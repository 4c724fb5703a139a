from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from vitaccel.reference.gelu import WideGelu
from vitaccel_rtl.gelu import Gelu
from vitaccel_sim.traffic.gelu import edges

SPECS = (
    WideGelu(),
    WideGelu("silu", segments=128),
    WideGelu("gelu_tanh", bits=12, fraction=8, segments=50),
    WideGelu("gelu", bits=20, fraction=15, segments=40, step_bits=3),
    WideGelu("gelu", bits=10, fraction=4, step_bits=4, segments=64),
)


def block_of(spec: WideGelu, lanes: int, table: tuple[int, ...] | None = None) -> Gelu:
    return Gelu(
        lanes=lanes, table=table or spec.table, bits=spec.bits, fraction=spec.fraction, step_bits=spec.step_bits
    )


def words_of(codes: list[int], lanes: int) -> list[dict]:
    codes = codes + [0] * (-len(codes) % lanes)
    return [{"lanes": codes[n : n + lanes], "last": n % 5 == 0} for n in range(0, len(codes), lanes)]


def check(spec: WideGelu, words: list[dict], result) -> None:
    expected = spec.compute(torch.tensor([w["lanes"] for w in words])).tolist()
    assert [w["lanes"] for w in result.words] == expected
    assert [w["last"] for w in result.words] == [w["last"] for w in words]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.kind}-{s.bits}-{s.fraction}-{s.segments}-{s.step_bits}")
def test_the_ends_of_every_segment_and_random_codes(spec: WideGelu, seed: int) -> None:
    rng = random.Random(seed)
    words = words_of(edges(spec) + [rng.randint(spec.format.min, spec.format.max) for _ in range(400)], 8)
    check(spec, words, run(block_of(spec, 8), words, len(words)))


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    spec, rng = WideGelu(), random.Random(seed)
    words = words_of([rng.randint(-(2**15), 2**15 - 1) for _ in range(160)], 2)
    check(spec, words, run(block_of(spec, 2), words, len(words), profile, seed))


def test_the_latency_is_the_declared_one() -> None:
    words = words_of(list(range(-20, 20)), 1)
    block = block_of(WideGelu(), 1)
    check_full_speed(run(block, words, len(words)), block)


def test_one_bit_of_any_of_some_knots_is_found(seed: int) -> None:
    """The lowest bit of a knot is a sixteenth of a step; one of the codes of its segments is rounded otherwise."""
    spec, rng = WideGelu(), random.Random(seed)
    place = rng.randrange(8, 40)
    table = list(spec.table)
    table[place] ^= 1
    step = 1 << spec.fraction - spec.step_bits
    words = words_of(list(range((place - 1) * step, (place + 1) * step)), 16)
    with pytest.raises(AssertionError):
        check(spec, words, run(block_of(spec, 16, tuple(table)), words, len(words)))


@pytest.mark.full
def test_all_codes() -> None:
    spec = WideGelu()
    words = words_of(list(range(-(2**15), 2**15)), 32)
    check(spec, words, run(block_of(spec, 32), words, len(words)))


def test_parameters_out_of_range_are_refused() -> None:
    table = WideGelu().table
    refuses("lanes of a gelu must be an integer from 1 to 256, not 0", Gelu, lanes=0, table=table)
    refuses("step_bits of a gelu must be an integer from 0 to 12, not 13", Gelu, lanes=1, table=table, step_bits=13)
    refuses("segments of a gelu must be an integer from 1 to 128, not 0", Gelu, lanes=1, table=table[:1])
