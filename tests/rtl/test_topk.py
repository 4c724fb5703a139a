from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, refuses, run, run_after_reset
from vitaccel.reference.topk import TopK as Spec
from vitaccel_rtl.topk import TopK

ENDS = (-(2**15), 2**15 - 1)


def row(rng: random.Random, experts: int) -> list[int]:
    kind = rng.choice(("few values", "any", "equal", "rising", "falling", "ends"))
    if kind == "few values":
        return [rng.randint(-1, 1) for _ in range(experts)]
    if kind == "equal":
        return [rng.choice((*ENDS, 0))] * experts
    if kind == "ends":
        return [rng.choice(ENDS) for _ in range(experts)]
    values = [rng.randint(*ENDS) for _ in range(experts)]
    return {"any": values, "rising": sorted(values), "falling": sorted(values, reverse=True)}[kind]


def row_blocks(seed: int, experts: int, count: int, lanes: int) -> list[list[list[int]]]:
    rng = random.Random(seed)
    return [[row(rng, experts) for _ in range(lanes)] for _ in range(count)]


def words_of(blocks: list[list[list[int]]]) -> list[dict]:
    return [
        {"lanes": [r[e] for r in rows], "last": int(e == len(rows[0]) - 1)}
        for rows in blocks
        for e in range(len(rows[0]))
    ]


def expected(blocks: list[list[list[int]]], k: int) -> list[dict]:
    results = []
    for rows in blocks:
        best = Spec(len(rows[0]), k).compute(torch.tensor(rows))
        logits = torch.tensor(rows).gather(1, best)
        results.append({"experts": best.tolist(), "logits": logits.tolist(), "last": 1})
    return results


@pytest.mark.parametrize(("experts", "k"), [(1, 1), (2, 1), (4, 4), (8, 2), (16, 4), (23, 3)])
def test_the_best_experts_of_every_token(experts: int, k: int, seed: int) -> None:
    blocks = row_blocks(seed, experts, 20, 4)
    block = TopK(lanes=4, experts=experts, k=k)
    assert run(block, words_of(blocks), len(blocks)).words == expected(blocks, k)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    blocks = row_blocks(seed, 8, 12, 2)
    block = TopK(lanes=2, experts=8, k=2)
    assert run(block, words_of(blocks), len(blocks), profile, seed).words == expected(blocks, 2)


def test_rows_may_be_shorter_than_the_longest(seed: int) -> None:
    blocks = [rows for n in (3, 8, 4) for rows in row_blocks(seed + n, n, 3, 2)]
    assert run(TopK(lanes=2, experts=8, k=3), words_of(blocks), len(blocks)).words == expected(blocks, 3)


@pytest.mark.parametrize("count", [1, 5])
def test_a_reset_in_a_row_starts_a_new_one(count: int, seed: int) -> None:
    blocks = row_blocks(seed, 8, 3, 2)
    forgotten = words_of(row_blocks(seed + 1, 8, 1, 2))[:count]
    block = TopK(lanes=2, experts=8, k=2)
    assert run_after_reset(block, forgotten, words_of(blocks), 3).words == expected(blocks, 2)


def test_rows_follow_each_other_and_the_latency_is_the_declared_one(seed: int) -> None:
    blocks = row_blocks(seed, 5, 4, 2)
    block = TopK(lanes=2, experts=5, k=2)
    result = run(block, words_of(blocks), 4)
    assert result.accepted == list(range(20))
    assert result.offered == [last + block.latency_cycles for last in (4, 9, 14, 19)]
    assert block.latency_cycles == 1


def test_a_tie_that_goes_to_the_higher_expert_is_found() -> None:
    """A logit larger by one in the later expert is a tie that the wrong one would win."""
    tied, decided = [[[5, 5, 1]]], [[[5, 6, 1]]]
    block = TopK(lanes=1, experts=3, k=2)
    assert run(block, words_of(tied), 1).words[0]["experts"] == [[0, 1]]
    assert run(block, words_of(decided), 1).words[0]["experts"] == [[1, 0]]


def test_parameters_out_of_range_are_refused() -> None:
    refuses("k of a router must be an integer from 1 to 4, not 5", TopK, lanes=1, experts=4, k=5)
    refuses("k of a router must be an integer from 1 to 16, not 17", TopK, lanes=1, experts=64, k=17)
