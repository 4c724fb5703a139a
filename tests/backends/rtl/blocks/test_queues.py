# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: ports are known without a netlist)
from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.queues import EXPERT_QUEUES, EXPERT_ROUTER
from vitaccel.errors import BlockError


@pytest.mark.parametrize(("experts", "width"), [(2, 1), (8, 3), (9, 4), (256, 8)])
def test_an_expert_is_as_wide_as_their_number_needs(experts: int, width: int) -> None:
    queues = EXPERT_QUEUES.component(experts=experts)
    assert len(queues.answer.p.expert) == len(queues.i.p.expert) == width


def test_few_lanes_need_no_other_option() -> None:
    assert len(EXPERT_ROUTER.component(lanes=1).i.p.lanes) == 1


def test_the_router_takes_logits_of_all_lanes() -> None:
    router = EXPERT_ROUTER.component(lanes=3, row_blocks=4, tokens=10, experts=5, k=2, fraction_bits=8)
    assert len(router.i.p.lanes) == 3
    assert (
        router.answer.payload.shape()
        == EXPERT_QUEUES.component(lanes=3, row_blocks=4, tokens=10, experts=5, k=2).answer.payload.shape()
    )


def test_more_tokens_than_rows_are_refused() -> None:
    with pytest.raises(
        BlockError, match=r"^block expert-queues: tokens of queues must be an integer from 1 to 8, not 9$"
    ):
        EXPERT_QUEUES.component(lanes=4, row_blocks=2, tokens=9)
