from __future__ import annotations

import random

import pytest

from tests.rtl.stream_bench import PROFILES, Profile, refuses, run, run_after_reset
from vitaccel_rtl.topk import TopK
from vitaccel_sim.traffic.topk import case, random_blocks


def row_blocks(seed: int, experts: int, count: int, lanes: int) -> list[list[list[int]]]:
    return random_blocks({"lanes": lanes, "experts": experts, "k": 1}, random.Random(seed), (experts,) * count)


def words_of(blocks: list[list[list[int]]]) -> list[dict]:
    return case({"experts": len(blocks[0][0]), "k": 1}, blocks).words


def expected(blocks: list[list[list[int]]], k: int) -> list[dict]:
    return case({"experts": len(blocks[0][0]), "k": k}, blocks).expected


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
    assert block.latency_cycles == 3


def test_a_tie_that_goes_to_the_higher_expert_is_found() -> None:
    """A logit larger by one in the later expert is a tie that the wrong one would win."""
    tied, decided = [[[5, 5, 1]]], [[[5, 6, 1]]]
    block = TopK(lanes=1, experts=3, k=2)
    assert run(block, words_of(tied), 1).words[0]["experts"] == [[0, 1]]
    assert run(block, words_of(decided), 1).words[0]["experts"] == [[1, 0]]


def test_parameters_out_of_range_are_refused() -> None:
    refuses("k of a router must be an integer from 1 to 4, not 5", TopK, lanes=1, experts=4, k=5)
    refuses("k of a router must be an integer from 1 to 16, not 17", TopK, lanes=1, experts=64, k=17)
