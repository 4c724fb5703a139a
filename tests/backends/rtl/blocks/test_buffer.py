from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.buffer import BUFFER
from vitaccel.errors import BlockError
from vitaccel_rtl import latency


def test_options_reach_the_buffer() -> None:
    buffer = BUFFER.component(words=48, width=24, banks=2, readers=3, writers=1, lane_writes=3, tag_bits=5)
    assert (len(buffer.requests), len(buffer.responses), len(buffer.writes)) == (3, 3, 1)
    assert set(buffer.writes[0].payload.shape().members) == {"address", "word", "enable"}
    assert len(buffer.responses[0].p.tag) == 5
    assert buffer.latency_cycles == latency.BUFFER_READ


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"words": 30, "banks": 4}, "block buffer: words of a buffer must be a multiple of its 4 banks, not 30"),
        ({"banks": 3}, "banks of block buffer must be 1, 2, 4, 8 or 16, not 3"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(BlockError, match=f"^{sentence}$"):
        BUFFER.component(**options)
