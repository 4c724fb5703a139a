from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks import moe
from vitaccel.errors import BlockError
from vitaccel_rtl import latency


@pytest.mark.parametrize(("experts", "width"), [(1, 1), (8, 3), (9, 4), (4096, 12)])
def test_an_expert_is_as_wide_as_their_number_needs(experts: int, width: int) -> None:
    block = moe.TOPK.component(lanes=1, experts=experts, k=1)
    assert block.o.payload.shape()["experts"].shape.elem_shape.elem_shape.width == width


def test_more_choices_than_experts_are_refused() -> None:
    with pytest.raises(BlockError, match=r"^block topk: k of a router must be an integer from 1 to 4, not 5$"):
        moe.TOPK.component(experts=4, k=5)


def test_a_transposer_and_weighing_lanes_are_as_wide_as_asked() -> None:
    transposer = moe.TRANSPOSER.component(side=5, width=17)
    assert (transposer.side, transposer.width, transposer.latency_cycles) == (5, 17, latency.TRANSPOSER)
    assert len(moe.WEIGH.component(lanes=3).o.p.lanes) == 3
