from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run, run_after_reset
from vitaccel.backends.rtl.blocks.softmax import powers_of
from vitaccel.reference.softmax import MASKED, OnlineSoftmax
from vitaccel_rtl import latency, probability
from vitaccel_rtl.probability import Probability
from vitaccel_sim.traffic.probability import PROBABILITY, row_case_words
from vitaccel_sim.traffic.softmax import KINDS, RowBlock, random_blocks, row

POINTS = PROBABILITY.points


def block_of(point: dict) -> Probability:
    return Probability(lanes=point["lanes"], **powers_of(point["fraction_bits"]))


def probabilities(point: dict, blocks: list[RowBlock]) -> list[list[int]]:
    spec = OnlineSoftmax(point["fraction_bits"])
    return [lanes for rows in blocks for lanes in spec.probabilities(torch.tensor(rows)).T.tolist()]


def blocks_of(point: dict, seed: int, lengths: tuple[int, ...]) -> list[RowBlock]:
    return random_blocks(point, random.Random(seed), lengths)


@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_probabilities_of_the_spec(profile: Profile, point: dict, seed: int) -> None:
    blocks = blocks_of(point, seed, (1, 2, 3, point["lanes"], 16, 37))
    words = row_case_words(point, blocks)
    result = run(block_of(point), words, len(words), profile, seed)
    assert [word["lanes"] for word in result.words] == probabilities(point, blocks)
    assert [word["last"] for word in result.words] == [word["last"] for word in words]


@pytest.mark.parametrize("fraction_bits", [6, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_row(kind: str, fraction_bits: int, seed: int) -> None:
    point, rng = {"lanes": 8, "fraction_bits": fraction_bits}, random.Random(seed)
    blocks = [[row(rng, kind, keys, fraction_bits) for _ in range(8)] for keys in (1, 16, 197)]
    words = row_case_words(point, blocks)
    result = run(block_of(point), words, len(words))
    assert [word["lanes"] for word in result.words] == probabilities(point, blocks)


def test_the_longest_row_of_equal_logits_and_a_row_of_one() -> None:
    point = {"lanes": 2, "fraction_bits": 8}
    words = row_case_words(point, [[[0] * 4096, [MASKED] * 4096], [[7], [MASKED]]])
    result = run(block_of(point), words, len(words))
    assert all(word["lanes"] == [16, 16] for word in result.words[:-1])
    assert result.words[-1]["lanes"] == [65535, 65535], "1 saturates"


@pytest.mark.parametrize(("fraction_bits", "cycles"), [(6, 7), (8, 9)])
def test_the_latency_is_the_declared_one(fraction_bits: int, cycles: int, seed: int) -> None:
    point = {"lanes": 3, "fraction_bits": fraction_bits}
    words = row_case_words(point, blocks_of(point, seed, (20,)))
    block = block_of(point)
    check_full_speed(run(block, words, 20), block)
    assert block.latency_cycles == latency.probability(has_lines=fraction_bits == 8) == cycles


@pytest.mark.parametrize("count", [1, 5, 12])
def test_a_reset_forgets_what_is_inside(count: int, seed: int) -> None:
    point = {"lanes": 4, "fraction_bits": 8}
    blocks = blocks_of(point, seed, (9, 2))
    words = row_case_words(point, blocks)
    result = run_after_reset(block_of(point), words[:1] * count, words, len(words))
    assert [word["lanes"] for word in result.words] == probabilities(point, blocks)


@pytest.mark.parametrize(
    ("name", "broken"), [("round_off", lambda value: value[1:]), ("MASKED", 0), ("PROBABILITY_BITS", 17)]
)
def test_a_broken_rounding_mask_or_saturation_is_found(
    name: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probability, name, broken)
    point = {"lanes": 4, "fraction_bits": 6}
    case = PROBABILITY.directed(point)
    try:
        result = run(block_of(point), case.words, len(case.expected))
    except AssertionError:
        return
    assert result.words != case.expected


def test_parameters_out_of_range_are_refused() -> None:
    options = powers_of(8)
    refuses("lanes of probabilities must be an integer from 1 to 256, not 0", Probability, lanes=0, **options)
    sentence = "fraction_bits of powers must be an integer from 1 to 10, not 11"
    refuses(sentence, Probability, **{**options, "lanes": 1, "fraction_bits": 11})
