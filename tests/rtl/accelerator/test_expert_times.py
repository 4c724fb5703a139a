"""What experts' instructions take; that the gateware takes as long is shown in `test_vector_unit`."""

from __future__ import annotations

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.expert_pace import scatter_interval
from vitaccel_rtl.accelerator.expert_times import FOUND, SET_FOUND, gather_cycles, route_cycles, scatter_cycles
from vitaccel_rtl.latency import SLOTS


def test_of_an_empty_queue_only_the_length_is_asked_for() -> None:
    assert gather_cycles(0, side=8, tiles=5) == FOUND + 1
    assert scatter_cycles(0, channels=40, interval=10) == SET_FOUND + 1


def test_a_block_more_takes_a_frame_for_each_of_its_words() -> None:
    for length in (3, 8, 11):
        more = gather_cycles(length + 8, side=8, tiles=5) - gather_cycles(length, side=8, tiles=5)
        assert more == SLOTS * 8 * 5


def test_an_entry_more_takes_an_interval() -> None:
    for channels in (1, 24, 40):
        interval = scatter_interval(channels)
        one, two = (scatter_cycles(length, channels=channels, interval=interval) for length in (1, 2))
        assert two - one == SLOTS * interval


def test_a_route_whose_row_blocks_come_at_once_takes_what_the_router_does() -> None:
    router = {
        "side": 8, "tokens": 8, "frame_tokens": 8, "experts": 16, "most_experts": 32, "k": 2, "over_chosen": False,
        "has_lines": True,
    }  # fmt: skip
    around = SLOTS + latency.READ_RUN + 1 + 8 * 16
    assert route_cycles(**router, interval=2) == latency.route(**router) + around
    assert route_cycles(**{**router, "tokens": 16}, interval=9) == route_cycles(**router, interval=2) + 72
