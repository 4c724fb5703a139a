from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.stream import ARBITER, FIFO, ROUTER, SKID_BUFFER
from vitaccel.errors import BlockError
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.stream import SkidBuffer


def test_a_skid_buffer_and_a_queue_are_as_wide_and_deep_as_chosen() -> None:
    buffer, queue = SKID_BUFFER.component(width=5), FIFO.component(width=7, depth=4)
    assert isinstance(buffer, SkidBuffer)
    assert isinstance(queue, StreamFifo)
    assert buffer.i.payload.shape().width == 5
    assert (queue.i.payload.shape().width, queue.depth) == (7, 4)


def test_a_queue_that_would_halve_the_throughput_is_refused() -> None:
    with pytest.raises(BlockError, match=r"^depth of block fifo must be 3 to 65536, not 2$"):
        FIFO.component(depth=2)


def test_an_arbiter_and_a_router_have_as_many_streams_as_chosen() -> None:
    arbiter, router = ARBITER.component(sources=5, width=7), ROUTER.component(destinations=4, width=7)
    assert (len(arbiter.i), len(arbiter.i[0].p.value), len(arbiter.o.p.source)) == (5, 7, 3)
    assert (len(router.o), len(router.i.p.value)) == (4, 7)


@pytest.mark.parametrize("destinations", [2, 3, 4, 31, 32])
def test_a_word_may_be_for_nobody(destinations: int) -> None:
    router = ROUTER.component(destinations=destinations)
    assert 1 << len(router.i.p.destination) > destinations


@pytest.mark.parametrize(("round_robin", "bound"), [(1, 2), (0, None)])
def test_turns_go_round_where_that_is_chosen(round_robin: int, bound: int | None) -> None:
    assert ARBITER.component(sources=3, round_robin=round_robin).bound_words == bound
