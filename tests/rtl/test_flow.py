# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""A flow takes and offers a word a cycle, loses none under stalls, and forgets its words at a reset."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module, Value, unsigned

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run, run_after_reset
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.flow import Flow
from vitaccel_rtl.stream import Stages, lane_word

STAGES = 4


class Successor(Flow):
    """Adds 1 to a byte, after *stages*."""

    def __init__(self, *, stages: int = STAGES) -> None:
        super().__init__(i=lane_word(1, unsigned(8)), o=lane_word(1, unsigned(9)), stages=stages)

    def connect(self, m: Module, stages: Stages, out: Value) -> None:
        late = stages.delay(self.i.p.lanes[0], self.latency_cycles - 1, name="x")
        m.d.comb += out.lanes[0].eq(late + 1)


def words_of(seed: int, count: int) -> tuple[list[dict], list[dict]]:
    rng = random.Random(seed)
    words = [{"lanes": [rng.randrange(256)], "last": rng.randrange(2)} for _ in range(count)]
    return words, [{"lanes": [word["lanes"][0] + 1], "last": word["last"]} for word in words]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_no_word_is_lost_under_any_profile(profile: Profile, seed: int) -> None:
    words, expected = words_of(seed, 60)
    assert run(Successor(), words, 60, profile, seed).words == expected


@pytest.mark.parametrize("stages", [1, 2, 7, 62])
def test_a_word_a_cycle_at_the_declared_latency(stages: int, seed: int) -> None:
    words, expected = words_of(seed, 200)
    block = Successor(stages=stages)
    result = run(block, words, 200)
    assert result.words == expected
    check_full_speed(result, block)
    assert block.latency_cycles == stages + 1


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_reset_forgets_words_on_their_way(count: int, seed: int) -> None:
    words, expected = words_of(seed, 20)
    assert run_after_reset(Successor(), words_of(seed + 1, count)[0], words, 20).words == expected


def test_a_place_too_few_slows_it_down(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words, _ = words_of(seed, 50)
    monkeypatch.setattr("vitaccel_rtl.flow.CreditQueue", lambda shape, *, depth: CreditQueue(shape, depth=depth - 1))
    block = Successor()
    with pytest.raises(AssertionError):
        check_full_speed(run(block, words, 50), block)


def test_stages_out_of_range_are_refused() -> None:
    refuses("stages of a flow must be an integer from 1 to 62, not 63", Successor, stages=63)
