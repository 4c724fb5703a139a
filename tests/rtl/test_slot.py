from __future__ import annotations

import random

import pytest

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl import latency
from vitaccel_rtl.slot import Slot


def pass_through(words: list[int], profile: Profile, seed: int) -> tuple[Source, Sink]:
    block = Slot(9)
    assert block.latency_cycles == latency.SLOT
    given, taken = Source(words, profile), Sink(len(words), profile)
    exchange(block, [(block.i, given)], [(block.o, taken)], seed=seed)
    return given, taken


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_words_pass_in_order(profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    words = [rng.randrange(512) for _ in range(40)]
    assert pass_through(words, profile, seed)[1].words == words


def test_a_word_every_other_cycle(seed: int) -> None:
    given, taken = pass_through(list(range(6)), FULL_SPEED, seed)
    first = given.accepted[0]
    assert given.accepted == [first + 2 * n for n in range(6)]
    assert taken.offered == [cycle + latency.SLOT for cycle in given.accepted]
