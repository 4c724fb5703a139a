"""Lengths of queues from choices: route by route of a layer, and no longer than a queue can be."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.arch import Arch
from vitaccel.backends.rtl.chosen_queues import chosen_queues
from vitaccel.ir.program import Layer, Program, Route


def route(layer: str, tokens: int, *, k: int = 1, capacity: int = 0) -> Route:
    order = "token" if capacity else ""
    return Route(layer=layer, logits=0, row_blocks=1, tokens=tokens, experts=4, k=k, capacity=capacity, order=order)


def program_of(*routes: Route) -> Program:
    labels = list(dict.fromkeys(each.layer for each in routes))
    layers = [Layer(label, "moe", 0) for label in labels]
    return Program("p", Arch(), list(routes), [labels.index(each.layer) for each in routes], layers)


def test_groups_of_tokens_have_queues_of_their_own() -> None:
    program = program_of(route("a", 3), route("b", 2, k=2), route("a", 2))
    choices = {"a": np.array([[[0], [3], [3], [1], [1]]]), "b": np.array([[[0, 1], [1, 0]]])}
    assert chosen_queues(program, choices) == ((1, 0, 0, 2), (2, 2, 0, 0), (0, 2, 0, 0))


def test_a_full_queue_takes_no_more() -> None:
    choices = {"a": np.array([[[2], [2], [2], [0], [2]]])}
    assert chosen_queues(program_of(route("a", 5, capacity=3)), choices) == ((1, 0, 3, 0),)
    assert chosen_queues(program_of(route("a", 5)), choices) == ((1, 0, 4, 0),)


def test_a_layer_without_choices_is_told() -> None:
    with pytest.raises(KeyError, match="b"):
        chosen_queues(program_of(route("b", 2)), {"a": np.array([[[0], [0]]])})


def test_a_program_without_experts_has_none() -> None:
    assert chosen_queues(program_of(), {}) == ()
