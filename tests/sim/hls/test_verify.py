"""Whole networks in C++, with every width checked: every tensor of every layer is the interpreter's."""

from __future__ import annotations

import pytest

from tests.sim.hls.networks import made
from vitaccel.backends.hls.compiled import FAST

CASES = [("vit", "8x8", 6), ("lookupvit", "8x8", 6), ("m3vit", "8x8", 6), ("vmoe-batch", "16x16", 8)]
"""Of as few machines as may be, for a machine takes long to compile."""

MORE = [
    ("lookupvit", "4x4", 6),
    ("vit-mean", "4x4", 6),
    ("vit-batch", "8x8", 8),
    ("deit-distilled-batch", "16x16", 6),
    ("lookupvit-batch", "8x8", 6),
    ("lookupvit", "32x32", 8),
    ("m3vit-task", "4x4", 6),
    ("vmoe", "8x8", 6),
]


@pytest.mark.parametrize(("name", "pe", "fraction"), CASES)
def test_every_tensor_is_the_interpreter_s(name: str, pe: str, fraction: int) -> None:
    assert made(name, pe, fraction).mismatches(2) == [None, None]


def test_a_fast_build_makes_the_same_integers() -> None:
    assert made("lookupvit", "16x16", 6, FAST).mismatches(2) == [None, None]


@pytest.mark.full
@pytest.mark.parametrize(("name", "pe", "fraction"), MORE)
def test_of_more_networks_too(name: str, pe: str, fraction: int) -> None:
    assert made(name, pe, fraction).mismatches(2) == [None, None]


def test_a_bit_of_a_weight_is_seen() -> None:
    network = made("vit", "8x8")
    first = next(each for each in network.assembled.instructions.instructions if each.fields.get("buffer") == 1)
    place = first.fields["dram"]
    weights = bytearray(network.assembled.weights)
    weights[place] ^= 64
    network.hls.load(0, bytes(weights))
    try:
        (found,) = network.mismatches(1)
    finally:
        network.hls.load(0, network.assembled.weights)
    assert found is not None
    assert found.layer
    assert found.expected != found.found
