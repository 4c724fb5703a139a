from __future__ import annotations

import random

import pytest
from amaranth.hdl import signed
from amaranth.lib import data

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, pack, run, run_after_reset, unpack
from vitaccel_rtl.stream import Pipeline, SkidBuffer, check_range, lane_word


class Negate(Pipeline):
    """Three stages, of which the second negates."""

    def __init__(self, *, lanes=2, drop_advance=False):
        word = lane_word(lanes, signed(9))
        self.drop_advance = drop_advance
        super().__init__(i=word, o=word, latency_cycles=3)

    def connect(self, m, stages, valid, last):
        if self.drop_advance:
            stages.advance = 1
        for lane, (i, o) in enumerate(zip(self.i.p.lanes, self.o.p.lanes, strict=True)):
            x = stages.register(i, name=f"x{lane}")
            negative = stages.register(-x, name=f"negative{lane}", shape=signed(9))
            m.d.comb += o.eq(stages.delay(negative, 1, name=f"late{lane}"))


class RowEnds(Negate):
    """Only the last word of a row is offered."""

    def offered(self, valid, last):
        return valid & last


def words(seed, count=60, lanes=2):
    rng = random.Random(seed)
    return [{"lanes": [rng.randint(-255, 255) for _ in range(lanes)], "last": rng.randint(0, 1)} for _ in range(count)]


def negated(word):
    return {"lanes": [-x for x in word["lanes"]], "last": word["last"]}


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_pipeline_gives_the_same_words_under_every_profile(profile: Profile, seed: int) -> None:
    sent = words(seed)
    assert run(Negate(), sent, len(sent), profile, seed).words == [negated(word) for word in sent]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_pipeline_may_offer_fewer_words_than_it_takes(profile: Profile, seed: int) -> None:
    sent = words(seed)
    expected = [negated(word) for word in sent if word["last"]]
    assert run(RowEnds(), sent, len(expected), profile, seed).words == expected


def test_a_word_takes_the_latency_and_a_cycle_takes_a_word(seed: int) -> None:
    sent = words(seed)
    block = Negate()
    result = run(block, sent, len(sent))
    assert result.offered[0] - result.accepted[0] == block.latency_cycles == 3
    assert result.accepted == list(range(len(sent)))


def test_a_register_that_does_not_stall_is_found(seed: int) -> None:
    sent = words(seed)
    with pytest.raises(AssertionError, match="the payload changed before it was accepted"):
        run(Negate(drop_advance=True), sent, len(sent), Profile("stalls", stall=0.6), seed)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_skid_buffer_passes_every_word_once_in_order(profile: Profile, seed: int) -> None:
    sent = words(seed)
    assert run(SkidBuffer(lane_word(2, signed(9))), sent, len(sent), profile, seed).words == sent


def test_a_skid_buffer_takes_a_word_a_cycle(seed: int) -> None:
    sent = words(seed)
    block = SkidBuffer(lane_word(2, signed(9)))
    result = run(block, sent, len(sent), FULL_SPEED)
    assert result.offered[0] - result.accepted[0] == block.latency_cycles == 1
    assert result.accepted == list(range(len(sent)))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_reset_forgets_the_words_under_way(count: int, seed: int) -> None:
    sent = words(seed)
    expected = [negated(word) for word in sent]
    assert run_after_reset(Negate(), words(seed + 1)[:count], sent, len(sent)).words == expected
    buffer = SkidBuffer(lane_word(2, signed(9)))
    assert run_after_reset(buffer, words(seed + 1)[:count], sent, len(sent)).words == sent


def test_the_layout_of_a_lane_word() -> None:
    layout = lane_word(3, signed(8), offset=signed(32))
    assert list(layout.members) == ["lanes", "offset", "last"]
    assert layout.size == 3 * 8 + 32 + 1


def test_values_survive_packing() -> None:
    layout = data.StructLayout({"a": data.ArrayLayout(signed(5), 3), "b": 4, "last": 1})
    value = {"a": [-16, 15, -1], "b": 9, "last": 1}
    assert unpack(layout, pack(layout, value)) == value
    with pytest.raises(ValueError, match=r"16 does not fit signed\(5\)"):
        pack(layout, {"a": [16, 0, 0], "b": 0, "last": 0})


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^lanes of a block must be an integer from 1 to 8, not 9$"):
        check_range("lanes of a block", 9, 1, 8)
