from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.stream import FIFO, SKID_BUFFER
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
