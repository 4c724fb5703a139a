# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Signal, signed
from amaranth.lib import data

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl.lint import lint
from vitaccel_rtl.router import Router
from vitaccel_rtl.verilog import to_verilog


def word(bits: int) -> data.StructLayout:
    return data.StructLayout({"value": 12, "destination": bits})


POINTS = [(2, 1), (3, 2), (4, 2), (5, 3), (8, 5), (32, 5)]


def sent(rng: random.Random, bits: int, count: int = 80) -> list[dict[str, int]]:
    return [{"value": place, "destination": rng.getrandbits(bits)} for place in range(count)]


def route(
    block: Router, words: list[dict[str, int]], profiles: list[Profile], seed: int, **options: Any
) -> tuple[Source, list[Sink]]:
    source = Source(words, profiles[0])
    sinks = [
        Sink(sum(word["destination"] == place for word in words), profile) for place, profile in enumerate(profiles)
    ]
    exchange(block, [(block.i, source)], list(zip(block.o, sinks, strict=True)), seed=seed, **options)
    return source, sinks


def check(words: list[dict[str, int]], sinks: list[Sink]) -> None:
    for place, sink in enumerate(sinks):
        assert sink.words == [word for word in words if word["destination"] == place]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize(("count", "bits"), POINTS)
def test_every_word_goes_where_it_says(count: int, bits: int, profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    words = sent(rng, bits)
    _, sinks = route(Router(word(bits), destinations=count), words, [profile] * count, seed)
    check(words, sinks)
    taken = [cycle for sink in sinks for cycle in sink.taken]
    assert len(set(taken)) == len(taken), "one word a cycle, so that their order is kept"


def test_a_word_a_cycle_after_the_declared_latency(seed: int) -> None:
    words = sent(random.Random(seed), 2)
    block = Router(word(2), destinations=4)
    source, sinks = route(block, words, [FULL_SPEED] * 4, seed)
    assert source.accepted == list(range(len(words)))
    assert sorted(cycle for sink in sinks for cycle in sink.offered) == [
        c + block.latency_cycles for c in source.accepted
    ]
    assert block.latency_cycles == 1


def test_words_for_nobody_are_taken(seed: int) -> None:
    words = [{"value": place, "destination": 3} for place in range(20)]
    source, sinks = route(Router(word(2), destinations=3), words, [FULL_SPEED] * 3, seed)
    assert source.accepted == list(range(20))
    assert [sink.words for sink in sinks] == [[], [], []]


def test_a_reset_forgets_the_word_under_way(seed: int) -> None:
    block = Router(word(2), destinations=4)
    reset = Signal()

    async def interrupt(ctx: Any) -> None:
        ctx.set(block.i.valid, 1)
        await ctx.tick().repeat(2)
        ctx.set(block.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    words = sent(random.Random(seed), 2)
    _, sinks = route(block, words, [FULL_SPEED] * 4, seed, setup=interrupt, reset=reset)
    check(words, sinks)


def test_a_router_that_loses_the_stall_of_an_output_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    block = Router(word(1), destinations=2)
    elaborate = block.elaborate

    def broken(platform: object) -> Any:
        m = elaborate(platform)
        m.d.comb += block.i.ready.eq(1)
        return m

    monkeypatch.setattr(block, "elaborate", broken)
    words = sent(random.Random(seed), 1)
    with pytest.raises(AssertionError):
        route(block, words, [Profile("stalls", stall=0.6)] * 2, seed)


@pytest.mark.parametrize(("count", "bits"), POINTS)
def test_the_verilog_is_clean(count: int, bits: int) -> None:
    assert lint(to_verilog(Router(word(bits), destinations=count), name="router")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("destinations of a router must be an integer from 2 to 32, not 1", Router, word(1), destinations=1)
    refuses("words of a router must have a field 'destination', not be 8", Router, 8, destinations=2)
    message = "field 'destination' of a router must be unsigned with 5 values, not unsigned(2)"
    refuses(message, Router, word(2), destinations=5)
    message = "field 'way' of a router must be unsigned with 2 values, not signed(4)"
    refuses(message, Router, data.StructLayout({"way": signed(4)}), destinations=2, field="way")
