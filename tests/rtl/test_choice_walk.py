from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.stream_bench import PROFILES, Profile, refuses
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl.choice_walk import ChoiceWalk

LANES, EXPERTS, K, TOKENS = 3, 5, 2, 12


def walk() -> ChoiceWalk:
    return ChoiceWalk(lanes=LANES, experts=EXPERTS, k=K, tokens=TOKENS, fraction_bits=8)


def row_block(rng: random.Random) -> dict[str, Any]:
    return {
        "experts": [[rng.randrange(EXPERTS) for _ in range(K)] for _ in range(LANES)],
        "logits": [[rng.randrange(-(2**15), 2**15) for _ in range(K)] for _ in range(LANES)],
        "m": [rng.randrange(-128, 129) for _ in range(LANES)],
        "total": [rng.randrange(1 << 14, 1 << 17) for _ in range(LANES)],
    }


def choices_of(blocks: list[dict[str, Any]], tokens: int, frame_tokens: int, k: int) -> list[dict[str, int]]:
    """Return the choices of *tokens* in frames, each of which starts a row-block."""
    words = []
    frame_blocks = -(-frame_tokens // LANES)
    for token in range(tokens):
        frame, place = divmod(token, frame_tokens)
        block, lane = blocks[frame * frame_blocks + place // LANES], place % LANES
        ends_row_block = place == frame_tokens - 1 or lane == LANES - 1
        for rank in range(k):
            ends = rank == k - 1
            words.append(
                {
                    "expert": block["experts"][lane][rank],
                    "logit": block["logits"][lane][rank],
                    "m": block["m"][lane],
                    "total": block["total"][lane],
                    "ends_token": int(ends),
                    "ends_row_block": int(ends and ends_row_block),
                    "last": int(ends and token == tokens - 1),
                }
            )
    return words


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("k", [1, K])
@pytest.mark.parametrize(("tokens", "frame_tokens"), [(1, 1), (2, 2), (7, 7), (12, 4), (4, 1), (9, 3)])
def test_tokens_in_order_and_no_lane_without_one(
    tokens: int, frame_tokens: int, k: int, profile: Profile, seed: int
) -> None:
    rng = random.Random(seed)
    count = tokens // frame_tokens * -(-frame_tokens // LANES)
    blocks = [row_block(rng) for _ in range(2 * count)]
    expected = [choice for half in (0, 1) for choice in choices_of(blocks[half * count :], tokens, frame_tokens, k)]
    block = walk()
    jobs = Source([{"tokens": tokens, "frame_tokens": frame_tokens, "k": k}] * 2, profile)
    rows, out = Source(blocks, profile), Sink(len(expected), profile)
    exchange(block, [(block.job, jobs), (block.i, rows)], [(block.o, out)], seed=seed)
    assert out.words == expected


def test_one_choice_a_cycle_and_the_next_row_block_with_the_last(seed: int) -> None:
    rng = random.Random(seed)
    block = walk()
    rows, out = Source([row_block(rng) for _ in range(3)]), Sink(18)
    jobs = Source([{"tokens": 9, "frame_tokens": 9, "k": K}])
    exchange(block, [(block.job, jobs), (block.i, rows)], [(block.o, out)])
    first = rows.accepted[0]
    assert rows.accepted == [first, first + LANES * K, first + 2 * LANES * K]
    assert out.taken == list(range(first + 1, first + 19))


def test_parameters_out_of_range_are_refused() -> None:
    options = {"lanes": 1, "experts": 4, "k": 1, "tokens": 1, "fraction_bits": 8}
    refuses("k of a router must be an integer from 1 to 4, not 5", ChoiceWalk, **{**options, "k": 5})
    refuses("tokens of a router must be an integer from 1 to 16384, not 0", ChoiceWalk, **{**options, "tokens": 0})
