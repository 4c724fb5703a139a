from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from amaranth.hdl import Signal

from tests.rtl.routing_bench import RoutingRun, check_routing
from tests.rtl.stream_bench import PROFILES, Profile, refuses
from vitaccel_rtl import latency, queue_filling, queue_memory
from vitaccel_rtl.lint import lint
from vitaccel_rtl.queue_memory import QueueMemory, QueueShape
from vitaccel_rtl.queues import ExpertQueues
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.traffic.routing import RoutingJob, logits_of, random_job

SIZES = ("lanes", "row_blocks", "tokens", "experts", "k")
POINTS = tuple(
    {**dict(zip(SIZES, point, strict=True)), "fraction_bits": 8}
    for point in (
        (4, 33, 33, 8, 2),
        (5, 7, 33, 16, 4),
        (8, 5, 33, 5, 1),
        (4, 1, 3, 4, 4),
        (1, 1, 1, 1, 1),
        (8, 9, 70, 3, 2),
    )
)
POINT = POINTS[0]
BRIEF = [point if n in (0, 1, 4) else pytest.param(point, marks=pytest.mark.full) for n, point in enumerate(POINTS)]
"""All points, of which `make test` takes three."""


def queues_of(point: Mapping[str, int]) -> ExpertQueues:
    return ExpertQueues(**{name: point[name] for name in SIZES})


def check(point: Mapping[str, int], jobs: list[RoutingJob], *arguments: Any, **options: Any) -> RoutingRun:
    words = [job.choice_words() for job in jobs]
    return check_routing(queues_of(point), jobs, words, point["experts"], *arguments, **options)


def job_to(choices: list[list[int]], experts: int, **fields: Any) -> RoutingJob:
    """Return a job of one frame whose tokens choose these experts, best first."""
    logits = torch.zeros(len(choices), experts, dtype=torch.int64)
    for token, chosen in enumerate(choices):
        for rank, expert in enumerate(chosen):
            logits[token, expert] = 256 * (len(chosen) - rank)
    options = {"capacity": 0, "order": "", "over_chosen": False, "frame_tokens": len(choices), **fields}
    return RoutingJob(lanes=4, logits=logits, k=len(choices[0]), fraction_bits=8, **options)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_job_comes_before_a_request_that_is_offered_with_it(profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    check(POINT, [random_job(POINT, rng) for _ in range(3)], profile, seed, asks_with_the_job=True)


@pytest.mark.parametrize("point", BRIEF, ids=str)
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_queues_of_the_spec(profile: Profile, point: dict[str, int], seed: int) -> None:
    rng = random.Random(seed)
    check(point, [random_job(point, rng) for _ in range(3)], profile, seed)


@pytest.mark.parametrize("order", ["token", "choice"])
@pytest.mark.parametrize("capacity", [0, 1, 2, 7, 33])
def test_capacities_and_drop_orders(capacity: int, order: str, seed: int) -> None:
    rng = random.Random(seed)
    fixed = {"tokens": 33, "capacity": capacity, "order": order if capacity else "", "k": 2}
    check(POINT, [random_job(POINT, rng, kind, **fixed) for kind in ("any", "one expert", "few experts", "ties")])


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("capacity", [0, 1, 33])
def test_all_tokens_to_one_expert_do_not_hang(capacity: int, profile: Profile, seed: int) -> None:
    """Every queue is asked for: the full one, and the empty ones, which answer with length 0 and no entries."""
    for k, others in ((1, []), (2, [0])):
        job = job_to([[5, *others]] * 33, 8, capacity=capacity, order="token" if capacity else "")
        run = check(POINT, [job, job], profile, seed)
        lengths = {word["expert"]: word["length"] for word in run.answers.words}
        assert [lengths[expert] for expert in (5, 1, 7)] == [capacity or 33, 0, 0], k


def test_a_queue_in_order_of_choices_has_all_first_choices_first() -> None:
    """Token 0 has expert 1 as its second choice, token 1 as its first: one place goes to token 1."""
    choices = [[0, 1], [1, 0], [2, 1]]
    for order, kept in (("token", 0), ("choice", 1)):
        job = job_to(choices, 8, capacity=1, order=order)
        requests = [[{"place": 1, "by_length": 0, "entries": 1}]]
        assert check(POINT, [job], requests=requests).entries.words[0]["token"] == kept


def test_of_equal_lengths_the_lower_expert_is_first() -> None:
    job = job_to([[3], [1], [6], [6]], 8)
    requests = [[{"place": rank, "by_length": 1, "entries": 0} for rank in range(8)]]
    answers = check(POINT, [job], requests=requests).answers.words
    assert [word["expert"] for word in answers] == [6, 1, 3, 0, 2, 4, 5, 7]


def test_rows_skip_the_lanes_without_a_token() -> None:
    job = job_to([[0]] * 6, 8, frame_tokens=3)
    requests = [[{"place": 0, "by_length": 0, "entries": 1}]]
    entries = check(POINT, [job], requests=requests).entries.words
    assert [word["row"] for word in entries] == [0, 1, 2, 4, 5, 6]
    assert [word["token"] for word in entries] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_cycles_are_the_declared_ones(point: dict[str, int], seed: int) -> None:
    """One choice a cycle in, one entry a cycle out; ready, length and first entry as declared."""
    rng = random.Random(seed)
    job = random_job(point, rng, capacity=0)
    block = queues_of(point)
    requests = [[{"place": 0, "by_length": 1, "entries": 1}]]
    run = check_routing(block, [job], [job.choice_words()], point["experts"], requests=requests)
    first, count = run.words.accepted[0], job.tokens * job.k
    assert first == run.jobs.accepted[0] + latency.QUEUE_FORGET
    assert run.words.accepted == list(range(first, first + count))
    asked = run.requests.accepted[0]
    assert asked == run.words.accepted[-1] + block.ready_cycles
    assert block.ready_cycles == latency.queues_ready(point["experts"]) == point["experts"] + 8
    assert run.answers.offered == [asked + latency.QUEUE_ANSWER]
    length = run.answers.words[0]["length"]
    start = asked + latency.QUEUE_ENTRY
    assert run.entries.offered == list(range(start, start + length))


def test_cycles_between_ranks_in_order_of_choices() -> None:
    """One cycle before the entries of a rank, two for a rank that has none."""
    job = job_to([[0, 1, 2, 3], [1, 0, 2, 3], [0, 2, 3, 1], [1, 2, 3, 0]], 16, capacity=4, order="choice")
    requests = [[{"place": 0, "by_length": 0, "entries": 1}]]
    run = check(POINTS[1], [job_with(job, lanes=5)], requests=requests)
    start = run.requests.accepted[0] + latency.QUEUE_ENTRY
    # Ranks 0, 0, 1 and 3: a cycle before rank 1; two for rank 2 and one before rank 3.
    assert run.entries.offered == [start, start + 1, start + 3, start + 6 + 1]


def job_with(job: RoutingJob, **fields: Any) -> RoutingJob:
    kept = ("lanes", "logits", "frame_tokens", "k", "capacity", "order", "over_chosen", "fraction_bits")
    return RoutingJob(**{**{name: getattr(job, name) for name in kept}, **fields})


def test_the_next_job_begins_in_the_cycle_after_its_acceptance(seed: int) -> None:
    rng = random.Random(seed)
    jobs = [random_job(POINT, rng, tokens=33) for _ in range(3)]
    run = check(POINT, jobs)
    place = 0
    for job, begins in zip(jobs, run.jobs.accepted, strict=True):
        assert run.words.accepted[place] == begins + latency.QUEUE_FORGET
        place += job.tokens * job.k


@pytest.mark.parametrize("cycles", [1, 2, 9, 40, 60, 75, 90])
def test_a_reset_at_any_time_forgets_everything(cycles: int, seed: int) -> None:
    """In the middle of filling, of sorting and of reading."""
    rng = random.Random(seed)
    forgotten, job = (random_job(POINT, rng, tokens=33, k=1, capacity=0) for _ in range(2))
    block, reset = queues_of(POINT), Signal()

    async def interrupt(ctx: Any) -> None:
        words = iter(forgotten.choice_words())
        ctx.set(block.job.p.capacity, 0)
        ctx.set(block.job.valid, 1)
        ctx.set(block.entry.ready, 1)
        ctx.set(block.request.p.entries, 1)
        ctx.set(block.request.valid, 1)
        for cycle in range(cycles):
            await ctx.tick()
            ctx.set(block.job.valid, 0)
            word = next(words, None) if cycle else None
            ctx.set(block.i.valid, word is not None)
            for name, value in (word or {}).items():
                ctx.set(getattr(block.i.p, name), value)
        for port in (block.i, block.request):
            ctx.set(port.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    check_routing(block, [job], [job.choice_words()], 8, seed=seed, setup=interrupt, reset=reset)


@pytest.mark.parametrize("broken", ["forget", "limit", "by_rank"])
def test_a_memory_without_one_of_its_inputs_is_found(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = QueueMemory.elaborate

    def elaborate(memory: QueueMemory, platform: Any) -> Any:
        object.__setattr__(memory, broken, Signal.like(getattr(memory, broken), init=0))
        return whole(memory, platform)

    monkeypatch.setattr(queue_memory.QueueMemory, "elaborate", elaborate)
    jobs = [job_to([[0, 1], [1, 0], [0, 1]], 8, capacity=2, order="choice") for _ in range(2)]
    with pytest.raises(AssertionError):
        check(POINT, jobs)


def test_a_wrong_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = queue_filling.QueueFilling.__init__

    def init(filling: Any, shape: Any, *, lanes: int) -> None:
        whole(filling, shape, lanes=lanes - 1)

    monkeypatch.setattr(queue_filling.QueueFilling, "__init__", init)
    with pytest.raises(AssertionError):
        check(POINT, [job_to([[0]] * 9, 8)])


def test_what_queues_keep_in_memories() -> None:
    """197 tokens with 2 of 8 experts: 453 places for a link of 9 bits, a row of 8, a score of 16; and lists."""
    shape = QueueShape(rows=200, tokens=197, experts=8, k=2)
    assert shape.memory_bits == 453 * (9 + 8 + 16) + 16 * (4 * 9 + 8 + 2) + 8 * (8 + 1)


@pytest.mark.parametrize("point", [POINT, pytest.param(POINTS[1], marks=pytest.mark.full), POINTS[4]], ids=str)
def test_it_is_lint_clean(point: dict[str, int]) -> None:
    assert lint(to_verilog(queues_of(point))) == ()


def test_parameters_out_of_range_are_refused() -> None:
    sizes = {"lanes": 4, "row_blocks": 4, "tokens": 16, "experts": 4, "k": 2}
    for name, wrong, sentence in (
        ("lanes", 0, "lanes of queues must be an integer from 1 to 256, not 0"),
        ("row_blocks", 0, "row_blocks of queues must be an integer from 1 to 16384, not 0"),
        ("tokens", 17, "tokens of queues must be an integer from 1 to 16, not 17"),
        ("experts", 257, "experts of queues must be an integer from 1 to 256, not 257"),
        ("k", 5, "k of queues must be an integer from 1 to 4, not 5"),
    ):
        refuses(sentence, ExpertQueues, **{**sizes, name: wrong})


def test_every_kind_of_logits_is_of_its_kind(seed: int) -> None:
    logits = logits_of("one expert", 33, 8, random.Random(seed))
    assert len(set(logits.argmax(1).tolist())) == 1
