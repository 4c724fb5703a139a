from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, check_full_speed, refuses, run, run_after_reset
from vitaccel.reference.layernorm import LayerNorm
from vitaccel_rtl.layernorm import LayerNormMoments, LayerNormNormalize, LayerNormRowScale
from vitaccel_sim.traffic.layernorm import moments, pass_words, random_rows
from vitaccel_sim.traffic.layernorm_normalize import some_layer

LANES = 4


def options(spec: LayerNorm) -> dict:
    return {"table": spec.rsqrt.table, "entry_bits": spec.rsqrt.entry_bits, "centre": spec.rsqrt.centre}


def row(rng: random.Random, channels: int) -> list[int]:
    return random_rows(rng, 1, channels)[0]


def compute(spec: LayerNorm, rows: list[list[int]], profile: Profile = FULL_SPEED, seed: int = 0, **replaced) -> list:
    """Return what the three blocks make of a row-block, each fed with what the one before gave."""
    lanes, channels = len(rows), spec.channels
    found = run(LayerNormMoments(lanes=lanes), pass_words(rows), 1, profile, seed, patience=5000).words[0]
    assert found == moments(rows)
    scale = LayerNormRowScale(lanes=lanes, **{**options(spec), **replaced})
    (factor,) = run(scale, [{**found, "channels": channels, "epsilon": spec.epsilon}], 1, profile, seed).words
    words = pass_words(
        rows,
        total=[found["total"]] * channels,
        mantissa=[factor["mantissa"]] * channels,
        exponent=[factor["exponent"]] * channels,
        channels=[channels] * channels,
        multiplier=spec.multiplier.tolist(),
        offset=spec.offset.tolist(),
        shift=[spec.shift] * channels,
    )
    result = run(LayerNormNormalize(lanes=lanes, bits=spec.bits), narrowed(words, spec), channels, profile, seed)
    assert [w["last"] for w in result.words] == [w["last"] for w in words]
    return [w["lanes"] for w in result.words]


def narrowed(words: list[dict], spec: LayerNorm) -> list[dict]:
    return [{**w, "narrow": 0} for w in words] if spec.bits == 16 else words


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, LANES - 1, 48])
def test_the_three_blocks_give_the_integers_of_the_spec(channels: int, bits: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(4):
        spec = some_layer(rng, channels, bits)
        rows = [row(rng, channels) for _ in range(LANES)]
        assert compute(spec, rows) == spec.compute(torch.tensor(rows)).T.tolist()


@pytest.mark.parametrize("profile", PROFILES[1:], ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    spec, rows = some_layer(rng, 24, 16), [row(rng, 24) for _ in range(2)]
    assert compute(spec, rows, profile, seed) == spec.compute(torch.tensor(rows)).T.tolist()


def test_the_longest_row() -> None:
    """4096 channels at the ends of the range, one of them at the other end: the widest moments and the largest z."""
    rows = [[-(2**15)] * 4096, [2**15 - 1] * 4096, [-(2**15)] * 4095 + [2**15 - 1], [2**15 - 1] * 4095 + [-(2**15)]]
    multiplier = torch.full((4096,), 2**17 - 1)
    spec = LayerNorm(multiplier, torch.full((4096,), 2**31 - 1), shift=23, epsilon=1, bits=16)
    found = run(LayerNormMoments(lanes=4), pass_words(rows), 1, patience=5000).words[0]
    assert found == moments(rows)
    scale = LayerNormRowScale(lanes=4, **options(spec))
    (factor,) = run(scale, [{**found, "channels": 4096, "epsilon": 1}], 1).words
    ends = [[r[0] for r in rows], [r[-1] for r in rows]]
    word = {"total": found["total"], "mantissa": factor["mantissa"], "exponent": factor["exponent"]}
    word |= {"channels": 4096, "multiplier": 2**17 - 1, "offset": 2**31 - 1, "shift": 23, "narrow": 0, "last": 0}
    result = run(LayerNormNormalize(lanes=4), [{"lanes": lanes, **word} for lanes in ends], 2).words
    expected = spec.compute(torch.tensor(rows))
    assert [w["lanes"] for w in result] == [expected[:, 0].tolist(), expected[:, -1].tolist()]
    assert int(spec.normalize(torch.tensor(rows)).abs().max()) > 2**20, "z does not reach its last bit here"


def test_rows_follow_each_other_and_the_latency_is_the_declared_one(seed: int) -> None:
    rng = random.Random(seed)
    blocks = [[row(rng, n) for _ in range(2)] for n in (3, 1, 1, 6)]
    block = LayerNormMoments(lanes=2)
    result = run(block, [w for rows in blocks for w in pass_words(rows)], 4)
    assert result.words == [moments(rows) for rows in blocks]
    assert result.accepted == list(range(11))
    assert result.offered == [last + block.latency_cycles for last in (2, 3, 4, 10)]
    assert block.latency_cycles == 3


def test_a_reset_in_a_row_starts_a_new_one(seed: int) -> None:
    rng = random.Random(seed)
    rows, forgotten = ([row(rng, n) for _ in range(2)] for n in (6, 9))
    result = run_after_reset(LayerNormMoments(lanes=2), pass_words(forgotten)[:5], pass_words(rows), 1)
    assert result.words == [moments(rows)]


def test_the_latency_of_the_other_two(seed: int) -> None:
    rng = random.Random(seed)
    spec = some_layer(rng, 20, 16)
    scale = LayerNormRowScale(lanes=1, **options(spec))
    words = [{**moments([row(rng, 9)]), "channels": 9, "epsilon": 1} for _ in range(5)]
    check_full_speed(run(scale, words, 5), scale)
    block = LayerNormNormalize(lanes=1)
    word = {"total": [7], "mantissa": [2**17], "exponent": [9], "channels": 20, "multiplier": 70000, "offset": 0}
    words = [{**w, **word, "shift": 15, "narrow": 0} for w in pass_words([row(rng, 20)])]
    check_full_speed(run(block, words, 20), block)
    assert (scale.latency_cycles, block.latency_cycles) == (25, 21)


def test_a_word_may_ask_for_8_bits() -> None:
    word = {"total": [0], "mantissa": [2**17], "exponent": [0], "channels": 1, "multiplier": 2**15, "shift": 0}
    words = [{"lanes": [0], **word, "offset": o, "narrow": n, "last": 0} for o in (-999, 999, 5) for n in (0, 1)]
    found = [w["lanes"][0] for w in run(LayerNormNormalize(lanes=1), words, 6).words]
    assert found == [-999, -128, 999, 127, 5, 5]


def test_one_bit_of_the_table_is_found(seed: int) -> None:
    rng = random.Random(seed)
    spec = LayerNorm(torch.full((48,), 2**17 - 1), torch.zeros(48, dtype=torch.int64), 15, 1, 16)
    rows = [[rng.randint(-900, 900) for _ in range(48)] for _ in range(LANES)]
    table = tuple(entry ^ 1 << 4 for entry in spec.rsqrt.table)
    expected = spec.compute(torch.tensor(rows)).T.tolist()
    assert compute(spec, rows) == expected
    assert compute(spec, rows, table=table) != expected


def test_parameters_out_of_range_are_refused() -> None:
    refuses("lanes of a layernorm must be an integer from 1 to 256, not 0", LayerNormMoments, lanes=0)
    refuses("bits of a layernorm must be 8 or 16, not 32", LayerNormNormalize, lanes=1, bits=32)
    sentence = "entry_bits of a reciprocal square root must be an integer from 7 to 14, not 6"
    refuses(sentence, LayerNormRowScale, lanes=1, table=(1,) * 32, entry_bits=6, centre=0)
