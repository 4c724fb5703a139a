from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run, run_after_reset
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl import latency
from vitaccel_rtl.choice_score import ChoiceScore
from vitaccel_sim.traffic.routing import KINDS, logits_of

EXPERTS = 8


def scorer(fraction_bits: int) -> ChoiceScore:
    return ChoiceScore(experts=EXPERTS, **powers_of(fraction_bits), reciprocal=reciprocal_of(Reciprocal()))


def words_of(fraction_bits: int, seed: int, tokens: int = 6) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
    """Return every expert of every token as a choice, and its score."""
    rng = random.Random(seed)
    spec = OnlineSoftmax(fraction_bits)
    words, expected = [], []
    for kind in KINDS:
        logits = logits_of(kind, tokens, EXPERTS, rng)
        m, total = spec.statistics(logits)
        scores = spec.probabilities(logits)
        for token in range(tokens):
            for expert in range(EXPERTS):
                ends = {"ends_token": int(expert == 7), "ends_row_block": rng.randrange(2), "last": rng.randrange(2)}
                row = {"logit": int(logits[token, expert]), "m": int(m[token]), "total": int(total[token])}
                words.append({"expert": expert, **row, **ends})
                expected.append({"expert": expert, "score": int(scores[token, expert]), **ends})
    return words, expected


@pytest.mark.parametrize("fraction_bits", [6, 8])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_scores_of_the_spec(profile: Profile, fraction_bits: int, seed: int) -> None:
    words, expected = words_of(fraction_bits, seed)
    assert run(scorer(fraction_bits), words, len(words), profile, seed).words == expected


@pytest.mark.parametrize(("fraction_bits", "has_lines"), [(6, False), (8, True)])
def test_one_choice_a_cycle_at_the_declared_latency(fraction_bits: int, has_lines: bool, seed: int) -> None:
    words, _ = words_of(fraction_bits, seed, 1)
    block = scorer(fraction_bits)
    check_full_speed(run(block, words, len(words)), block)
    assert block.latency_cycles == latency.choice_score(has_lines=has_lines)


def test_a_reset_forgets_what_is_inside(seed: int) -> None:
    words, expected = words_of(8, seed, 1)
    assert run_after_reset(scorer(8), words[:20], words, len(words)).words == expected


def test_a_score_of_another_sum_is_found(seed: int) -> None:
    words, expected = words_of(8, seed, 1)
    words = [{**word, "total": word["total"] ^ torch.iinfo(torch.int16).max} for word in words]
    assert run(scorer(8), words, len(words)).words != expected


@pytest.mark.parametrize("fraction_bits", [6, 8])
@pytest.mark.parametrize("is_power", [True, False])
def test_one_bit_of_a_table_is_found(fraction_bits: int, is_power: bool, seed: int) -> None:
    """By choices that read every entry of both tables. Half a step of a score and more: the rest is rounded away."""
    rng = random.Random(seed)
    ends = {"expert": 0, "ends_token": 0, "ends_row_block": 0, "last": 0}
    words = [{"logit": -y, "m": 0, "total": 1 << 16, **ends} for y in range(1 << fraction_bits)]
    words += [{"logit": 0, "m": 0, "total": (64 + entry) << 10, **ends} for entry in range(64)]
    right = scorer(fraction_bits)
    wrong = {"experts": EXPERTS, **powers_of(fraction_bits), "reciprocal": reciprocal_of(Reciprocal())}
    if is_power:
        wrong["table"] = turned(wrong["table"], rng.randrange(4, 10), rng)
    else:
        wrong["reciprocal"]["table"] = turned(wrong["reciprocal"]["table"], rng.randrange(4, 8), rng)
    assert run(right, words, len(words)).words != run(ChoiceScore(**wrong), words, len(words)).words


def turned(table: Sequence[Any], bit: int, rng: random.Random) -> tuple[Any, ...]:
    """Return a table with a bit of one entry, or of the base of one line, turned over."""
    place = rng.randrange(len(table))
    entry = table[place]
    other = (entry[0] ^ 1 << bit, *entry[1:]) if isinstance(entry, tuple) else entry ^ 1 << bit
    return (*table[:place], other, *table[place + 1 :])


def test_parameters_out_of_range_are_refused() -> None:
    options = {**powers_of(8), "reciprocal": reciprocal_of(Reciprocal())}
    refuses("experts of a router must be an integer from 1 to 256, not 0", ChoiceScore, experts=0, **options)
