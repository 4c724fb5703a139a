"""What a buffer must answer, said in examples."""

from __future__ import annotations

import itertools
import random

import pytest

from vitaccel_sim.bench.buffer_model import STRIDES, Accepted, Point, addresses, expected_responses, written_bits

POINT = Point(words=8, width=8, banks=2, readers=2, writers=1, lane_writes=2, tag_bits=0)


def stream(*words: tuple[int, dict[str, int]]) -> Accepted:
    cycles = [cycle for cycle, _ in words]
    return Accepted(words=[word for _, word in words], offered=cycles, accepted=cycles)


def test_writes_of_a_cycle_happen_before_its_reads() -> None:
    writes = stream((1, {"address": 3, "word": 0xAB, "enable": 3}), (2, {"address": 3, "word": 0xCD, "enable": 1}))
    reads = [
        stream((0, {"address": 3, "last": 0}), (1, {"address": 3, "last": 1})),
        stream((2, {"address": 3, "last": 0}), (3, {"address": 4, "last": 1})),
    ]
    memory = {4: 0x77}
    answers = expected_responses(POINT, reads, [writes], memory)
    assert answers == [
        [{"word": 0, "last": 0}, {"word": 0xAB, "last": 1}],
        [{"word": 0xAD, "last": 0}, {"word": 0x77, "last": 1}],
    ]
    assert memory == {3: 0xAD, 4: 0x77}


def test_lanes_that_are_written() -> None:
    assert [written_bits(POINT, {"enable": enable}) for enable in range(4)] == [0x00, 0x0F, 0xF0, 0xFF]
    assert written_bits(Point(width=8), {}) == 0xFF


@pytest.mark.parametrize("stride", STRIDES)
def test_streams_are_what_they_are_called(stride: str, seed: int) -> None:
    places = addresses(random.Random(seed), POINT, 50, stride)
    steps = {(after - before) % POINT.words for before, after in itertools.pairwise(places)}
    assert all(0 <= place < POINT.words for place in places)
    assert steps == {"unit": {1}, "bank": {2}, "word": {0}}.get(stride, steps)
    assert stride != "any" or len(steps) > 3
