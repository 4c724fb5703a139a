"""Queue lengths: uniform, worst, capacity, traces, and every sentence about a trace that is wrong."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.routing import ASSUMPTIONS, Routing, parse_routing
from vitaccel.errors import VitaccelError
from vitaccel.ir.program import Gather, Layer, Program, Route, Routed


def layer(tokens: int = 10, experts: int = 4, k: int = 2, capacity: int = 0) -> Layer:
    return Layer("block1.moe", "moe", 0, Routed(tokens, experts, k, capacity, macs_per_row=5))


ROUTED = st.integers(1, 12).flatmap(
    lambda experts: st.builds(
        layer, tokens=st.integers(1, 200), experts=st.just(experts), k=st.integers(1, experts),
        capacity=st.integers(0, 60),
    )
)  # fmt: skip


@given(ROUTED)
def test_uniform_deals_assignments_out_like_cards(moe: Layer) -> None:
    assert moe.routed is not None
    dealt = [0] * moe.routed.experts
    for assignment in range(moe.routed.tokens * moe.routed.k):
        dealt[assignment % moe.routed.experts] += 1
    lengths = Routing().queue_lengths(moe)
    kept = [min(n, moe.routed.capacity) if moe.routed.capacity else n for n in dealt]
    assert lengths == tuple(kept)
    if not moe.routed.capacity:
        assert sum(lengths) == moe.routed.tokens * moe.routed.k
        assert max(lengths) - min(lengths) <= 1


@given(ROUTED)
def test_worst_gives_the_first_k_experts_every_token(moe: Layer) -> None:
    assert moe.routed is not None
    each = min(moe.routed.tokens, moe.routed.capacity or moe.routed.tokens)
    assert Routing("worst").queue_lengths(moe) == (each,) * moe.routed.k + (0,) * (moe.routed.experts - moe.routed.k)


def grouped(moe: Layer, sizes: list[int], **fields: int) -> Layer:
    """The layer with so many tokens in each group."""
    assert moe.routed is not None
    routed = replace(moe.routed, tokens=sum(sizes), capacity=0, groups=tuple(sizes), **fields)
    return replace(moe, routed=routed)


GROUPED = st.builds(grouped, ROUTED, st.lists(st.integers(1, 30), min_size=2, max_size=9))


def columns(groups: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*groups, strict=True))


@given(GROUPED)
def test_cards_are_dealt_on_from_group_to_group(moe: Layer) -> None:
    routed = moe.routed
    assert routed is not None
    deck = [assignment % routed.experts for assignment in range(routed.tokens * routed.k)]
    queues = Routing().group_queues(moe)
    for tokens, own in zip(routed.groups, queues, strict=True):
        hand, deck = deck[: tokens * routed.k], deck[tokens * routed.k :]
        assert own == tuple(hand.count(expert) for expert in range(routed.experts))
        assert max(own) - min(own) <= 1
    assert columns(queues) == Routing().queue_lengths(moe)


@pytest.mark.parametrize("kind", ASSUMPTIONS)
def test_every_route_has_the_queues_of_its_group(kind: str) -> None:
    """Layers may take turns; what is no route, and what comes behind, has none of its own."""
    whole, routing = layer(7), Routing(kind)
    split = Layer("block2.moe", "moe", 0, Routed(10, 4, 2, 0, macs_per_row=5, groups=(6, 4)))
    make = {"logits": 0, "row_blocks": 1, "experts": 4, "k": 2}
    routes = [Route(layer=each.label, tokens=tokens, **make) for each, tokens in ((split, 6), (whole, 7), (split, 4))]
    gather = Gather(layer=split.label, a=0, out=0, channels=4, expert=1)
    program = Program("p", Arch(), [*routes[:1], gather, *routes[1:]], [1, 1, 0, 1], [whole, split])
    first, second = routing.group_queues(split)
    assert first != second
    assert routing.route_queues(program) == (first, routing.queue_lengths(whole), second)


@given(GROUPED)
def test_worst_gives_the_same_experts_every_token_of_every_group(moe: Layer) -> None:
    routed = moe.routed
    assert routed is not None
    queues = Routing("worst").group_queues(moe)
    assert queues == tuple((n,) * routed.k + (0,) * (routed.experts - routed.k) for n in routed.groups)
    assert columns(queues) == Routing("worst").queue_lengths(moe)


@given(GROUPED, st.randoms(use_true_random=False))
def test_a_trace_is_spread_in_proportion_and_to_the_token(moe: Layer, rng: random.Random) -> None:
    """Every expert gets exactly its tokens, every group makes exactly its choices, no token chooses an expert twice."""
    routed = moe.routed
    assert routed is not None
    lengths = [0] * routed.experts
    for _ in range(routed.tokens):
        favourites = sorted(range(routed.experts), key=lambda e: rng.random() * (e + 1) ** rng.choice((0, 3)))
        for expert in favourites[: routed.k]:
            lengths[expert] += 1
    queues = Routing("trace", {moe.label: tuple(lengths)}, "t.json").group_queues(moe)
    assert columns(queues) == tuple(lengths)
    for tokens, own in zip(routed.groups, queues, strict=True):
        assert sum(own) == tokens * routed.k
        assert 0 <= min(own) <= max(own) <= tokens
        assert all(0 <= n - length * tokens // routed.tokens <= 1 for n, length in zip(own, lengths, strict=True))


def test_a_layer_in_one_group_has_the_queues_of_the_layer() -> None:
    for kind in ASSUMPTIONS:
        assert Routing(kind).group_queues(layer()) == (Routing(kind).queue_lengths(layer()),)
    assert Routing().group_queues(Layer("block0.mlp", "linear", 5)) == ((),)


def test_groups_by_hand() -> None:
    moe = grouped(layer(experts=3, k=1), [2, 2, 1])
    assert Routing().group_queues(moe) == ((1, 1, 0), (1, 0, 1), (0, 1, 0))
    assert Routing("worst").group_queues(moe) == ((2, 0, 0), (2, 0, 0), (1, 0, 0))
    assert Routing("trace", {"block1.moe": (3, 1, 1)}).group_queues(moe) == ((2, 0, 0), (1, 1, 0), (0, 0, 1))


def test_by_hand() -> None:
    assert Routing().queue_lengths(layer(tokens=7, experts=4, k=2)) == (4, 4, 3, 3)
    assert Routing().queue_lengths(layer(tokens=7, experts=4, k=2, capacity=3)) == (3, 3, 3, 3)
    assert Routing("worst").queue_lengths(layer(tokens=7, capacity=5)) == (5, 5, 0, 0)


def test_a_layer_without_experts_has_no_queues() -> None:
    for routing in (Routing(), Routing("worst"), Routing("trace", {}, "t.json")):
        assert routing.queue_lengths(Layer("block0.mlp", "linear", 5)) == ()


def test_names() -> None:
    assert ASSUMPTIONS == ("uniform", "worst")
    for kind in ASSUMPTIONS:
        assert parse_routing(kind) == Routing(kind)
        assert str(parse_routing(kind)) == kind


def trace(folder: Path, content: object) -> Path:
    path = folder / "queues.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("prefix", ["", "trace:"])
def test_a_trace_is_taken_as_it_is(tmp_path: Path, prefix: str) -> None:
    path = trace(tmp_path, {"block1.moe": [9, 0, 3, 8], "block3.moe": [1, 2]})
    routing = parse_routing(f"{prefix}{path}")
    assert routing.queue_lengths(layer()) == (9, 0, 3, 8)
    assert str(routing) == f"trace {path}"


def refusal(text: str) -> str:
    with pytest.raises(VitaccelError) as refused:
        parse_routing(text)
    return str(refused.value)


def test_a_word_that_is_no_assumption_is_refused() -> None:
    sentence = "routing must be uniform, worst or a JSON file of queue lengths, not"
    assert refusal("unifrom") == f"{sentence} 'unifrom' (did you mean 'uniform'?)"
    assert refusal("zipf") == f"{sentence} 'zipf'"
    assert refusal("trace:nowhere.json") == f"{sentence} 'trace:nowhere.json'"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = trace(tmp_path, "{")
    assert refusal(str(path)).startswith(f"routing trace {path} must be readable JSON: ")
    path.write_bytes(b"\xff\xfe")
    assert refusal(str(path)).startswith(f"routing trace {path} must be readable JSON: ")
    assert refusal(str(tmp_path)).startswith(f"routing trace {tmp_path} must be readable JSON: ")


@pytest.mark.parametrize(
    "content", [[1], 3, {"a": 3}, {"a": [-1]}, {"a": [1.5]}, {"a": [True]}, {"a": ["1"]}, {"a": None}]
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: object) -> None:
    path = trace(tmp_path, content)
    assert refusal(str(path)) == f"routing trace {path} must map layer names to lists of queue lengths"


SHORT = "must give block1.moe 20 tokens in all, not {}: only {} drops any"
BOUND = "must give block1.moe at most {} tokens an expert and 20 in all, not {} and {}"


@pytest.mark.parametrize(
    ("queues", "capacity", "sentence"),
    [
        ({"block1.mo": (1,)}, 0, "must have queue lengths for layer block1.moe (did you mean 'block1.mo'?)"),
        ({}, 0, "must have queue lengths for layer block1.moe"),
        ({"block1.moe": (1, 2, 3)}, 0, "must have 4 queue lengths for block1.moe, not 3"),
        ({"block1.moe": (11, 0, 0, 0)}, 0, BOUND.format(10, 11, 11)),
        ({"block1.moe": (7, 7, 7, 0)}, 0, BOUND.format(10, 7, 21)),
        ({"block1.moe": (4, 0, 0, 0)}, 3, BOUND.format(3, 4, 4)),
        ({"block1.moe": (10, 9, 0, 0)}, 0, SHORT.format(19, "a layer with a capacity")),
        ({"block1.moe": (0, 0, 0, 0)}, 0, SHORT.format(0, "a layer with a capacity")),
        ({"block1.moe": (5, 5, 5, 4)}, 6, SHORT.format(19, "an expert with 6 tokens")),
    ],
)
def test_a_trace_that_does_not_fit_the_layer_is_refused(
    queues: dict[str, tuple[int, ...]], capacity: int, sentence: str
) -> None:
    with pytest.raises(VitaccelError, match=f"^routing trace t.json {re.escape(sentence)}$"):
        Routing("trace", queues, "t.json").queue_lengths(layer(capacity=capacity))


def test_a_trace_may_fill_every_queue_to_its_bound() -> None:
    full = Routing("trace", {"block1.moe": (10, 10, 0, 0)}, "t.json")
    assert full.queue_lengths(layer()) == (10, 10, 0, 0)
    bounded = Routing("trace", {"block1.moe": (3, 3, 3, 3)}, "t.json")
    assert bounded.queue_lengths(layer(capacity=3)) == (3, 3, 3, 3)


def test_a_trace_may_have_dropped_tokens_where_an_expert_is_full() -> None:
    dropped = Routing("trace", {"block1.moe": (3, 0, 2, 1)}, "t.json")
    assert dropped.queue_lengths(layer(capacity=3)) == (3, 0, 2, 1)
