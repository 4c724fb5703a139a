"""How often a row-block is routed and an entry is added; that no less will do is shown on the unit itself."""

from __future__ import annotations

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.expert_pace import SUM_AGAIN, route_interval, scatter_interval


def test_a_row_block_takes_its_words_or_its_choices() -> None:
    few = {"side": 8, "choices": 2, "over_chosen": False, "has_lines": True}
    assert [route_interval(experts=experts, **few) for experts in (4, 16, 17, 32)] == [2, 2, 3, 4]
    assert route_interval(side=32, experts=16, choices=4, over_chosen=False, has_lines=True) == 16


def test_scores_over_chosen_experts_take_the_statistics_once_more() -> None:
    cycles = 2 + latency.softmax_statistics(has_lines=True) + latency.CREDIT_QUEUE
    taken = route_interval(side=4, experts=4, choices=2, over_chosen=True, has_lines=True)
    assert 8 * (taken - 1) < cycles <= 8 * taken


def test_an_entry_takes_two_frames_for_eight_channels_and_no_less_than_a_sum_s_way() -> None:
    assert SUM_AGAIN <= 32
    assert [scatter_interval(channels) for channels in (1, 8, 16, 17, 24, 25)] == [4, 4, 4, 6, 6, 8]
