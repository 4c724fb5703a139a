# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses, run
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog


class Behind(wiring.Component):
    """A pipeline of *stages* that cannot stop, and the queue behind it."""

    def __init__(self, *, stages: int, depth: int) -> None:
        self.stages = stages
        self.queue = CreditQueue(12, depth=depth)
        super().__init__({"i": In(stream.Signature(12)), "o": Out(stream.Signature(12))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = self.queue
        m.d.comb += [self.i.ready.eq(queue.has_place), queue.reserve.eq(self.i.valid & queue.has_place)]
        arrives, word = queue.reserve, self.i.payload
        for _ in range(self.stages):
            before, kept = arrives, word
            arrives, word = Signal(), Signal(12)
            m.d.sync += [arrives.eq(before), word.eq(kept)]
        m.d.comb += [
            queue.arrives.eq(arrives),
            queue.word.eq(word),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.ready),
        ]
        return m


def words(seed: int, count: int = 150) -> list[int]:
    return [random.Random(seed).randrange(1 << 12) for _ in range(count)]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize(("stages", "depth"), [(0, 2), (1, 2), (3, 5), (3, 8), (6, 3), (2, 64)])
def test_every_word_comes_out_once_in_order(stages: int, depth: int, profile: Profile, seed: int) -> None:
    sent = words(seed)
    assert run(Behind(stages=stages, depth=depth), sent, len(sent), profile, seed).words == sent


@pytest.mark.parametrize("stages", [0, 1, 3, 5])
def test_as_many_places_as_said_are_enough_for_a_word_a_cycle(stages: int, seed: int) -> None:
    sent = words(seed)
    block = Behind(stages=stages, depth=stages + 2)
    result = run(block, sent, len(sent), FULL_SPEED)
    assert result.accepted == list(range(len(sent)))
    assert result.offered[0] - result.accepted[0] == stages + block.queue.latency_cycles == stages + 1
    if stages:
        slower = run(Behind(stages=stages, depth=stages + 1), sent, len(sent), FULL_SPEED)
        assert slower.accepted[-1] > result.accepted[-1], "and one less is not"


def test_it_takes_as_many_words_as_it_has_places() -> None:
    block = Behind(stages=2, depth=6)
    source = Source(words(1, 9))
    exchange(block, [(block.i, source)], [(block.o, Sink(None, Profile("never", stall=1.0)))], cycles=30)
    assert source.accepted == list(range(6))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_a_reset_forgets_words_and_reservations(count: int, seed: int) -> None:
    block = Behind(stages=3, depth=5)
    reset = Signal()

    async def interrupt(ctx: Any) -> None:
        ctx.set(block.i.valid, 1)
        await ctx.tick().repeat(count)
        ctx.set(block.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    sent = words(seed)
    assert run(block, sent, len(sent), setup=interrupt, reset=reset).words == sent


def test_a_queue_that_forgets_a_place_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """With a place too many a word is lost when nobody takes any."""
    block = Behind(stages=3, depth=5)
    block.queue._depth = 4
    monkeypatch.setattr(block.queue, "_count_places", lambda m: m.d.comb.__iadd__(block.queue.has_place.eq(1)))
    with pytest.raises(AssertionError):
        run(block, words(seed), 150, Profile("stalls", stall=0.8), seed)


@pytest.mark.parametrize("depth", [2, 3, 5, 8, 64])
def test_the_verilog_is_clean(depth: int) -> None:
    assert lint(to_verilog(CreditQueue(12, depth=depth), name="credit_queue")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("depth of a credit queue must be an integer from 2 to 64, not 1", CreditQueue, 8, depth=1)
