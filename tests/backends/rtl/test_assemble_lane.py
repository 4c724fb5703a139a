"""Fields of streams through the lanes, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.rtl.assemble_lane import lane_fields
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.errors import UnsupportedError
from vitaccel.ir.program import NOWHERE, Lane
from vitaccel.ir.tensor import activation_words
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_rtl.accelerator.vector_pace import vector_pace

SITE = Site("instruction 3 (lane of x)", machine_of("8x8"))
LAYERNORM = Lane(
    layer="x", function="layernorm", a=48, a_step=96, out=400, out_step=48, parameters=7, row_blocks=3, tokens=20,
    channels=44, passes=1,
)  # fmt: skip


def test_a_layernorm_streams_its_rows_once_where_their_moments_are_kept() -> None:
    for moments in (NOWHERE, 0, 5):
        fields = lane_fields(replace(LAYERNORM, passes=1 if moments >= 0 else 2, moments=moments), SITE)
        pace = vector_pace(
            side=8, function="layernorm", channels=44, last_rows=8, a_is_wide=True, has_moments=moments >= 0
        )
        assert fields == {
            "function": LANE_FUNCTIONS.index("layernorm"), "a_is_wide": 1, "is_wide": 0, "by_rows": 0, "has_b": 0,
            "table": 0, "row_blocks": 3, "channels": 44, "last_rows": 8, "tokens": 20, "tiles": 6, "a": 48,
            "a_step": 96, "a_plane": 48, "b": 0, "b_step": 0, "b_plane": 0, "b_frame": 0, "out": 400, "out_step": 48,
            "out_tile_step": 0, "out_plane": 0, "out_frame": 0, "sets": 7, "shift": 0, "moves_up": 0,
            "has_moments": int(moments >= 0), "moments": max(0, moments),
            "interval": pace.interval, "scale": pace.scale, "result": pace.result,
        }  # fmt: skip
        assert pace.scale > 0


def test_results_by_rows_are_tiles_of_tokens() -> None:
    by_rows = replace(LAYERNORM, function="convert", drain="channel", out_step=48, out_bytes=2)
    fields = lane_fields(by_rows, SITE)
    assert (fields["out_step"], fields["out_tile_step"], fields["out_plane"]) == (8, 48, 24)
    assert (fields["by_rows"], fields["last_rows"], fields["tiles"]) == (1, 4, 6)
    pace = vector_pace(side=8, function="convert", channels=44, last_rows=4, a_is_wide=True, by_rows=True)
    assert (fields["interval"], fields["scale"], fields["result"]) == (pace.interval, 0, pace.result)


@pytest.mark.parametrize(("element_bytes", "planes"), [(1, (0, 0)), (2, (48, 40))])
def test_two_operands_have_planes_of_their_own(element_bytes: int, planes: tuple[int, int]) -> None:
    two = replace(LAYERNORM, function="add", b=900, b_step=80, element_bytes=element_bytes)
    fields = lane_fields(two, SITE)
    assert (fields["has_b"], fields["b"], fields["b_step"], fields["a_is_wide"]) == (1, 900, 80, element_bytes - 1)
    assert (fields["a_plane"], fields["b_plane"]) == planes


def test_an_activation_is_one_function_with_a_table() -> None:
    fields = lane_fields(replace(LAYERNORM, function="gelu", table=1), SITE)
    assert (LANE_FUNCTIONS[fields["function"]], fields["table"]) == ("activation", 1)


def test_zeros_have_no_operand() -> None:
    fields = lane_fields(replace(LAYERNORM, function="zero", a=-1, a_step=0, parameters=-1), SITE)
    assert (fields["a"], fields["a_is_wide"], fields["a_plane"], fields["sets"]) == (0, 0, 0, 0)


def test_row_blocks_that_begin_in_other_banks_cost_frames() -> None:
    for step, more in ((96, 0), (98, 1)):
        copy = replace(LAYERNORM, function="copy", channels=48, a_step=step, out_bytes=2, out_step=96)
        assert lane_fields(copy, SITE)["interval"] == 6 + more


@pytest.mark.parametrize("shift", [-3, 1])
def test_tokens_that_move_leave_others_where_they_are(shift: int) -> None:
    """What the result is written over is the second operand, and is read in a frame of its own."""
    still = replace(LAYERNORM, function="copy", out_bytes=2, out_step=96)
    fields = lane_fields(replace(still, shift=shift), SITE)
    assert (fields["shift"], fields["moves_up"], fields["has_b"]) == (abs(shift), int(shift < 0), 0)
    assert [fields[f"b{end}"] for end in ("", "_step", "_plane")] == [400, 96, 48]
    assert fields["interval"] == 2 * lane_fields(still, SITE)["interval"]


def test_by_rows_nothing_stays_and_anything_is_read() -> None:
    moving = replace(LAYERNORM, function="convert", shift=-2, drain="channel")
    fields = lane_fields(moving, SITE)
    assert [fields[f"b{end}"] for end in ("", "_step", "_plane")] == [48, 96, 48]


@pytest.mark.parametrize(("side", "a", "more"), [(8, 3, False), (5, 0, False), (5, 3, True)])
def test_tiles_by_rows_may_begin_anywhere(side: int, a: int, more: bool) -> None:
    """Unless P is a multiple of 8, or everything begins where a stream of tiles is known not to meet itself."""
    site = Site("x", machine_of(f"{side}x{side}"))
    by_rows = replace(LAYERNORM, function="copy", a=a, drain="channel", tokens=2 * side + 1)
    alike = vector_pace(side=side, function="copy", channels=44, last_rows=1, a_is_wide=True, by_rows=True)
    fields = lane_fields(by_rows, site)
    assert (fields["interval"] > alike.interval) == more


JOIN = replace(LAYERNORM, function="copy", channels=40, out=404, out_first=72, out_bytes=2, out_step=96)
"""Beside 72 channels: with tiles of 16 the fifth ends in its middle."""


def test_a_join_of_channels_begins_in_any_frame_of_any_part() -> None:
    """The address has the part in its upper bits."""
    site = Site("x", machine_of("3x16x16"))
    bits = (activation_words(site.arch) - 1).bit_length()
    fields = lane_fields(JOIN, site)
    assert (fields["out"] & (1 << bits) - 1, fields["out"] >> bits, fields["out_frame"]) == (404, 4 % 3, 1)
    assert (fields["b"], fields["b_frame"]) == (0, 0)
    moves = lane_fields(replace(JOIN, shift=3), site)
    assert (moves["b"], moves["b_frame"]) == (fields["out"], 1)
    alone = lane_fields(JOIN, Site("x", machine_of("16x16")))
    assert (alone["out"], alone["out_frame"]) == (404, 0)


def test_a_join_in_the_middle_of_a_frame_is_refused_with_several_arrays() -> None:
    odd = replace(JOIN, out_first=68)
    sentence = "x must write from a multiple of 8 channels on, not from 68"
    with pytest.raises(UnsupportedError, match=f"^{sentence}$"):
        lane_fields(odd, Site("x", machine_of("2x8x8")))
    assert lane_fields(odd, SITE)["out"] == 404
