"""Fields of routings, gatherings and scatter-adds, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.rtl.assemble_experts import gather_fields, route_fields, scatter_fields
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.errors import UnsupportedError
from vitaccel.ir.program import Gather, Route, ScatterAdd
from vitaccel_rtl.accelerator.expert_pace import scatter_interval

SITE = Site("instruction 5 (route of x)", machine_of("8x8"))
ROUTE = Route(
    layer="x", logits=64, row_blocks=3, tokens=20, frame_tokens=10, experts=6, k=2, capacity=9, order="choice"
)
GATHER = Gather(layer="x", a=48, out=400, a_step=40, out_step=48, channels=44, expert=2)
SCATTER = ScatterAdd(layer="x", a=160, out=640, a_step=96, out_step=96, channels=44, parameters=11, expert=2)


def test_a_routing_has_the_logits_in_planes_and_what_bounds_its_queues() -> None:
    fields = route_fields(ROUTE, SITE)
    assert fields.pop("interval") > 0
    assert fields == {
        "logits": 64, "logits_step": 16, "logits_plane": 8, "row_blocks": 3, "tokens": 20, "frame_tokens": 10,
        "experts": 6, "choices": 2, "capacity": 9, "by_choice": 1, "over_chosen": 0,
    }  # fmt: skip
    other = route_fields(replace(ROUTE, order="token", score="softmax_topk", capacity=1000, frame_tokens=64), SITE)
    assert (other["by_choice"], other["over_chosen"], other["capacity"], other["frame_tokens"]) == (0, 1, 20, 20)


def test_a_gathering_has_tiles_of_channels() -> None:
    expected = {"a": 48, "a_step": 40, "tiles": 6, "last_channels": 4, "out": 400, "out_step": 48}
    assert gather_fields(GATHER, SITE) == expected


def test_a_scatter_add_has_planes_and_the_interval_of_its_entries() -> None:
    assert scatter_fields(SCATTER, SITE) == {
        "a": 160, "a_step": 96, "a_plane": 48, "channels": 44, "out": 640, "out_step": 96, "out_plane": 48,
        "sets": 11, "interval": scatter_interval(44),
    }  # fmt: skip


def test_runs_that_begin_elsewhere_in_a_frame_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="must have logits at a multiple of 8 words, not 63"):
        route_fields(replace(ROUTE, logits=63), SITE)
    with pytest.raises(UnsupportedError, match="must have out at a multiple of 8 words, not 641"):
        scatter_fields(replace(SCATTER, out=641), SITE)
