"""Views between images and tokens, told apart from views of images and views of tokens."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.recognize.images import Images
from vitaccel.frontend.recognize.view import View, Views, whole
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Conv2d, FromTokens, Input, ToTokens
from vitaccel.ir.types import TensorType

B, C, H, W = 2, 4, 3, 5


def image(graph: Graph) -> str:
    x = graph.add(Input(), type=TensorType((B, 3, H, W)), name="x")
    return graph.add(Conv2d(), [x, graph.add_const(np.ones((C, 3, 1, 1), np.float32))])


def tokens_of(view: View) -> View:
    flat = view.reshape(B, C, H * W)
    assert flat is not None
    return flat.transpose(0, 2, 1)


def test_channels_last_means_tokens() -> None:
    graph = Graph("g")
    name = image(graph)
    view = Images(graph).on_tokens(tokens_of(whole(graph, name)))
    assert graph[view.base].op == ToTokens()
    assert view.layout == whole(graph, view.base).layout


def test_a_part_of_the_channels_is_a_part_of_the_tokens() -> None:
    graph = Graph("g")
    view = tokens_of(whole(graph, image(graph)))
    part = view.layout.slice(2, 1, 3)
    assert part is not None
    moved = Images(graph).on_tokens(View(view.base, part))
    expected = whole(graph, moved.base).layout.slice(2, 1, 3)
    assert graph[moved.base].op == ToTokens()
    assert moved.layout == expected


def test_channels_first_stays_a_view_of_the_image() -> None:
    graph = Graph("g")
    view = whole(graph, image(graph)).reshape(B, C, H * W)
    assert view is not None
    assert Images(graph).on_tokens(view) is view


def test_an_input_is_no_image_of_features() -> None:
    """Patches cut from it by views are not its pixels as tokens."""
    graph = Graph("g")
    image(graph)
    view = whole(graph, "x").transpose(0, 2, 3, 1)
    assert Images(graph).on_tokens(view) is view


def test_an_image_has_one_value_of_tokens() -> None:
    graph = Graph("g")
    name = image(graph)
    first = graph.add(ToTokens(), [name])
    graph.outputs = [first]
    images = Images(graph)
    assert images.tokens(name, frozenset()) == first
    assert images.tokens(graph.add(FromTokens(H, W), [first]), frozenset()) == first


@pytest.mark.parametrize("height", [3, 5])
def test_tokens_as_an_image(height: int) -> None:
    graph = Graph("g")
    tokens = graph.add(Activation(), [graph.add(ToTokens(), [image(graph)])])
    apart = Views(graph).of(tokens).reshape(B, height, 15 // height, C)
    assert apart is not None
    name = Images(graph).image(apart.transpose(0, 3, 1, 2))
    assert name is not None
    assert graph[name].op == FromTokens(height, 15 // height)
    assert Images(graph).image(apart.transpose(0, 3, 2, 1)) is None


def test_the_tokens_of_an_image_as_an_image_are_that_image() -> None:
    graph = Graph("g")
    name = image(graph)
    apart = whole(graph, graph.add(ToTokens(), [name])).reshape(B, H, W, C)
    assert apart is not None
    assert Images(graph).image(apart.transpose(0, 3, 1, 2)) == name


def test_what_is_added_to_an_image_is_an_image() -> None:
    graph = Graph("g")
    name = image(graph)
    images = Images(graph)
    assert images.is_image(graph.add(Add(), [name, graph.add(Activation(), [name])]))
    assert not images.is_image(graph.add(ToTokens(), [name]))
