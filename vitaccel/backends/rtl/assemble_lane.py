"""Fields of the vector engine's instructions."""

from __future__ import annotations

from vitaccel.backends.rtl.assemble_site import Site, plane, residues, split, spread
from vitaccel.ir.ops import ACTIVATIONS
from vitaccel.ir.plan import TOKEN
from vitaccel.ir.program import Lane
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_rtl.accelerator.vector_pace import LARGEST_WAIT, LAYERNORM, vector_pace
from vitaccel_rtl.latency import SLOTS

FUNCTIONS = tuple(name for name in LANE_FUNCTIONS if name != "head_mean")
"""Lane functions that the accelerator has."""

MOVING = ("copy", "convert")
"""Those whose tokens may move from lane to lane."""


def lane_fields(lane: Lane, site: Site) -> dict[str, int]:
    """Return the fields of a stream through the lanes that are its own.

    A LayerNorm streams its rows twice, or once where their moments were taken as they drained.

    Raises
    ------
    UnsupportedError
        If the function is another one, or tokens move from lane to lane in another way than slices and joins need; or
        channels are joined, with several arrays, that are no multiple of 8; or another function than LayerNorm has
        moments.
    """
    function = "activation" if lane.function in ACTIVATIONS else lane.function
    known = ", ".join(FUNCTIONS)
    site.need(function in FUNCTIONS, f"must have a function of {known}, not {lane.function}: the accelerator has these")
    _check_moves(lane, site)
    site.need(lane.moments < 0 or function == LAYERNORM, f"must be a {LAYERNORM} to have moments, not {lane.function}")
    by_rows = lane.drain != TOKEN
    fields = {
        "function": LANE_FUNCTIONS.index(function),
        "by_rows": int(by_rows),
        "table": max(lane.table, 0),
        "row_blocks": lane.row_blocks,
        "channels": lane.channels,
        "last_rows": site.last_rows(lane.tokens, lane.row_blocks) if by_rows else site.side,
        "tokens": lane.tokens,
        "tiles": split(lane.channels, site.side)[0],
        "sets": max(lane.parameters, 0),
        "shift": abs(lane.shift),
        "moves_up": int(lane.shift < 0),
        "has_moments": int(lane.moments >= 0),
        "moments": max(lane.moments, 0),
        **_operands(lane),
        **_result(lane, site),
    }
    if lane.shift:
        fields |= _replaced(fields)
    pace = vector_pace(
        side=site.side,
        function=function,
        channels=lane.channels,
        last_rows=fields["last_rows"],
        a_is_wide=bool(fields["a_is_wide"]),
        has_b=bool(fields["has_b"]),
        by_rows=by_rows,
        moves=lane.shift != 0,
        spread=_spread(fields, site.side),
        has_moments=lane.moments >= 0,
        arrays=site.parts,
    )
    return fields | {"interval": pace.interval, "scale": pace.scale, "result": pace.result}


def _check_moves(lane: Lane, site: Site) -> None:
    if not lane.shift:
        return
    moving, side = " or ".join(MOVING), site.side
    site.need(lane.function in MOVING, f"must have a function of {moving} to move tokens by lanes, not {lane.function}")
    site.need(abs(lane.shift) < side, f"must move tokens by less than {side} lanes, not {abs(lane.shift)}")
    site.need(lane.drain == TOKEN or lane.shift < 0, "must not move tokens down by lanes into results by rows")


def _replaced(fields: dict[str, int]) -> dict[str, int]:
    """The second operand where tokens move by lanes: what stands where the result is written, of which lanes stay.

    By rows none do, and anything may be read.
    """
    other = "a" if fields["by_rows"] else "out"
    frame = 0 if fields["by_rows"] else fields["out_frame"]
    return {
        "b": fields[other],
        "b_frame": frame,
        "b_step": fields[f"{other}_step"],
        "b_plane": fields[f"{other}_plane"],
    }


def _operands(lane: Lane) -> dict[str, int]:
    fields = {"a_is_wide": int(lane.a >= 0 and lane.element_bytes == 2), "has_b": int(lane.b >= 0), "b_frame": 0}
    for name, address, step in (("a", lane.a, lane.a_step), ("b", lane.b, lane.b_step)):
        is_there = address >= 0
        fields |= {
            name: address if is_there else 0,
            f"{name}_step": step if is_there else 0,
            f"{name}_plane": plane(step, lane.element_bytes) if is_there else 0,
        }
    return fields


def _result(lane: Lane, site: Site) -> dict[str, int]:
    by_rows = lane.drain != TOKEN
    out, frame = site.place(lane.out, lane.out_first)
    return {
        "is_wide": int(lane.out_bytes == 2),
        "out": out,
        "out_frame": frame,
        "out_step": site.side if by_rows else lane.out_step,
        "out_tile_step": lane.out_step if by_rows else 0,
        "out_plane": plane(lane.out_step, lane.out_bytes),
    }


def _spread(fields: dict[str, int], side: int) -> int:
    """By how much the wait of a row-block's run may exceed that of the next; runs by rows are no row-blocks.

    Operands of results by rows are read tile by tile, which begin anywhere unless P is a multiple of 8.
    """
    names = ("a", "b") if fields["by_rows"] else ("a", "b", "out")
    places = [residues(fields[name], (fields[f"{name}_step"], fields["row_blocks"])) for name in names]
    if fields["by_rows"] and side % SLOTS and any(each != {0} for each in places):
        return int(LARGEST_WAIT)
    return max(spread(each, each) for each in places)
