from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from amaranth.hdl import Signal

from tests.rtl.routing_bench import RoutingRun, check_routing
from tests.rtl.stream_bench import PROFILES, Profile, pack, payload_shape, refuses
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.softmax import MASKED
from vitaccel_rtl import choice_walk, expert_router, latency
from vitaccel_rtl.expert_router import ExpertRouter
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.traffic.routing import HIGHEST, KINDS, RoutingJob, random_job

SIZES = ("lanes", "row_blocks", "tokens", "experts", "k", "fraction_bits")
POINTS = tuple(
    dict(zip(SIZES, point, strict=True))
    for point in (
        (4, 33, 33, 8, 2, 8),
        (5, 7, 33, 16, 4, 6),
        (8, 5, 33, 5, 1, 8),
        (4, 3, 9, 2, 2, 8),
        (1, 1, 1, 1, 1, 8),
        (8, 9, 33, 3, 2, 8),
    )
)
POINT = POINTS[0]


def options_of(point: Mapping[str, int]) -> dict[str, Any]:
    sizes = {name: point[name] for name in SIZES[:-1]}
    return {**sizes, **powers_of(point["fraction_bits"]), "reciprocal": reciprocal_of(Reciprocal())}


def router_of(point: Mapping[str, int]) -> ExpertRouter:
    return ExpertRouter(**options_of(point))


def check(point: Mapping[str, int], jobs: list[RoutingJob], seed: int = 0, **options: Any) -> RoutingRun:
    rng = random.Random(seed)
    words = [job.logit_words(rng) for job in jobs]
    return check_routing(router_of(point), jobs, words, point["experts"], seed=seed, **options)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_queues_and_scores_of_the_spec(profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    check(POINT, [random_job(POINT, rng) for _ in range(3)], seed, profile=profile)


@pytest.mark.parametrize("point", POINTS[1:], ids=str)
def test_every_point_gives_the_queues_and_scores_of_the_spec(point: dict[str, int], seed: int) -> None:
    rng = random.Random(seed)
    check(point, [random_job(point, rng) for _ in range(3)], seed, profile=PROFILES[3])


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_job_comes_before_a_request_that_is_offered_with_it(profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    check(POINT, [random_job(POINT, rng) for _ in range(3)], seed, profile=profile, asks_with_the_job=True)


@pytest.mark.parametrize("kind", KINDS)
def test_both_scores_of_every_kind_of_logits(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    check(POINT, [random_job(POINT, rng, kind, tokens=17, over_chosen=over) for over in (False, True)], seed)


def test_all_tokens_to_one_expert_with_a_score_of_one_and_masked_experts() -> None:
    logits = torch.full((9, 8), MASKED)
    logits[:, 6] = HIGHEST
    fields = {"lanes": 4, "logits": logits, "frame_tokens": 9, "k": 2, "fraction_bits": 8}
    for over_chosen in (False, True):
        job = RoutingJob(**fields, capacity=0, order="", over_chosen=over_chosen)
        entries = check(POINT, [job], requests=[[{"place": 6, "by_length": 0, "entries": 1}]]).entries.words
        assert [word["score"] for word in entries] == [65535] * 9
        entries = check(POINT, [job], requests=[[{"place": 0, "by_length": 0, "entries": 1}]]).entries.words
        assert [word["score"] for word in entries] == [0] * 9, (
            "a masked expert is the second choice, and counts nothing"
        )


@pytest.mark.parametrize("frame_tokens", [1, 3, 4, 6, 12])
def test_frames_and_their_row_blocks(frame_tokens: int, seed: int) -> None:
    rng = random.Random(seed)
    fixed = {"tokens": 12, "frame_tokens": frame_tokens}
    check(POINT, [random_job(POINT, rng, **fixed, over_chosen=over) for over in (False, True)], seed)


@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("over_chosen", [False, True])
def test_cycles_are_the_declared_ones(over_chosen: bool, point: dict[str, int], seed: int) -> None:
    """From the first word of logits to the first request, at full speed."""
    rng = random.Random(seed)
    for _ in range(2):
        job = random_job(point, rng, over_chosen=over_chosen)
        block = router_of(point)
        requests = [[{"place": 0, "by_length": 0, "entries": 0}]]
        run = check_routing(block, [job], [job.logit_words(rng)], point["experts"], requests=requests)
        fields = {"tokens": job.tokens, "frame_tokens": job.frame_tokens, "experts": job.experts, "k": job.k}
        declared = block.route_cycles(**fields, over_chosen=over_chosen)
        assert run.requests.accepted[0] - run.words.accepted[0] == declared
        most = {"most_experts": point["experts"], "has_lines": point["fraction_bits"] == 8}
        assert declared == latency.route(side=point["lanes"], **fields, **most, over_chosen=over_chosen)


def test_a_long_job_takes_one_cycle_a_word_or_a_choice() -> None:
    """8 lanes: 16 experts bind the stream, 2 choices of 8 tokens just as much; and 4 choices bind the queues."""
    fields = {"side": 8, "tokens": 800, "frame_tokens": 800, "experts": 16, "most_experts": 16}
    few = latency.route(**fields, k=2, over_chosen=False, has_lines=True)
    many = latency.route(**fields, k=4, over_chosen=False, has_lines=True)
    assert 1600 < few < 1600 + 80
    assert 3200 < many < 3200 + 80


@pytest.mark.parametrize("cycles", [1, 12, 25, 50, 80])
def test_a_reset_at_any_time_forgets_everything(cycles: int, seed: int) -> None:
    rng = random.Random(seed)
    forgotten, job = (random_job(POINT, rng, tokens=9, frame_tokens=9) for _ in range(2))
    block, reset = router_of(POINT), Signal()

    async def interrupt(ctx: Any) -> None:
        words = iter(forgotten.logit_words(rng))
        fields = payload_shape(block.job.signature)
        ctx.set(block.job.payload.as_value(), pack(fields, forgotten.job(fields.members)))
        ctx.set(block.job.valid, 1)
        for _ in range(cycles):
            await ctx.tick()
            ctx.set(block.job.valid, 0)
            if ctx.get(block.i.ready):
                word = next(words, None)
                ctx.set(block.i.valid, word is not None)
                if word:
                    ctx.set(block.i.payload.as_value(), pack(payload_shape(block.i.signature), word))
        ctx.set(block.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    check_routing(block, [job], [job.logit_words(rng)], 8, seed=seed, setup=interrupt, reset=reset)


def test_lanes_without_a_token_that_were_walked_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that does not know of frames sends padding to the experts."""
    whole = choice_walk.ChoiceWalk.elaborate

    def elaborate(walk: Any, platform: Any) -> Any:
        m = whole(walk, platform)
        m.d.comb += walk.o.p.ends_row_block.eq(walk.o.p.ends_token & walk.o.p.last)
        return m

    monkeypatch.setattr(choice_walk.ChoiceWalk, "elaborate", elaborate)
    job = random_job(POINT, random.Random(0), tokens=33, frame_tokens=11)
    with pytest.raises(AssertionError):
        check(POINT, [job])


def test_a_broken_score_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """One bit of the table of the reciprocal."""
    options = options_of(POINT)
    table = list(options["reciprocal"]["table"])
    table = [entry ^ 4 for entry in table]
    whole = expert_router.ExpertRouter.__init__

    def init(router: Any, **parameters: Any) -> None:
        whole(router, **{**parameters, "reciprocal": {**parameters["reciprocal"], "table": table}})

    monkeypatch.setattr(expert_router.ExpertRouter, "__init__", init)
    job = random_job(POINT, random.Random(seed), "any", tokens=33, k=2)
    with pytest.raises(AssertionError):
        check(POINT, [job])


@pytest.mark.parametrize("point", [POINT, pytest.param(POINTS[1], marks=pytest.mark.full), POINTS[4]], ids=str)
def test_it_is_lint_clean(point: dict[str, int]) -> None:
    assert lint(to_verilog(router_of(point))) == ()


def test_parameters_out_of_range_are_refused() -> None:
    for name, wrong, sentence in (
        ("lanes", 257, "lanes of a router must be an integer from 1 to 256, not 257"),
        ("row_blocks", 0, "row_blocks of a router must be an integer from 1 to 16384, not 0"),
        ("tokens", 133, "tokens of a router must be an integer from 1 to 132, not 133"),
        ("experts", 0, "experts of a router must be an integer from 1 to 256, not 0"),
        ("k", 9, "k of a router must be an integer from 1 to 8, not 9"),
        ("fraction_bits", 11, "fraction_bits of powers must be an integer from 1 to 10, not 11"),
    ):
        refuses(sentence, ExpertRouter, **{**options_of(POINT), name: wrong})
