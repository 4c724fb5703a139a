"""Fields of the experts' instructions."""

from __future__ import annotations

from vitaccel.backends.rtl.assemble_site import Site, plane, split
from vitaccel.ir.plan import ROUTER_FRACTION_BITS, has_lines
from vitaccel.ir.program import Gather, Route, ScatterAdd
from vitaccel.ir.tensor import plane_words
from vitaccel_rtl.accelerator.expert_pace import route_interval, scatter_interval
from vitaccel_rtl.accelerator.isa import MOST_CHOICES, MOST_EXPERTS, MOST_TOKENS
from vitaccel_rtl.latency import SLOTS


def route_fields(route: Route, site: Site) -> dict[str, int]:
    """Return the fields of a routing that are its own.

    Raises
    ------
    UnsupportedError
        If there are more experts, choices or tokens than the accelerator has, or the longest queue comes first.
    """
    order = site.arch.moe.order
    site.need(order == "static", f"must have experts in static order, not {order}: the accelerator has no other")
    site.need(route.experts <= MOST_EXPERTS, f"must have {MOST_EXPERTS} experts or fewer, not {route.experts}")
    site.need(route.k <= MOST_CHOICES, f"must have {MOST_CHOICES} choices of a token or fewer, not {route.k}")
    rows = route.row_blocks * site.side
    site.need(rows <= MOST_TOKENS, f"must have {MOST_TOKENS} rows or fewer at once, not {rows}")
    step = 2 * plane_words(route.experts, site.arch)
    _need_frames(site, {"logits": route.logits, "words of a row-block": step // 2})
    over_chosen = route.score != "softmax_all"
    return {
        "logits": route.logits,
        "logits_step": step,
        "logits_plane": step // 2,
        "row_blocks": route.row_blocks,
        "tokens": route.tokens,
        "frame_tokens": min(route.frame_tokens, route.tokens),
        "experts": route.experts,
        "choices": route.k,
        "capacity": min(route.capacity, route.tokens),
        "by_choice": int(route.order == "choice"),
        "over_chosen": int(over_chosen),
        "interval": route_interval(
            side=site.side,
            experts=route.experts,
            choices=route.k,
            over_chosen=over_chosen,
            has_lines=has_lines(ROUTER_FRACTION_BITS),
        ),
    }


def gather_fields(gather: Gather, site: Site) -> dict[str, int]:
    """Return the fields of a gathering that are its own."""
    tiles, last_channels = split(gather.channels, site.side)
    return {
        "a": gather.a,
        "a_step": gather.a_step,
        "tiles": tiles,
        "last_channels": last_channels,
        "out": gather.out,
        "out_step": gather.out_step,
    }


def scatter_fields(scatter: ScatterAdd, site: Site) -> dict[str, int]:
    """Return the fields of a scatter-add that are its own.

    Raises
    ------
    UnsupportedError
        If results or sums do not begin a frame.
    """
    fields = {
        "a": scatter.a,
        "a_step": scatter.a_step,
        "a_plane": plane(scatter.a_step, 2),
        "channels": scatter.channels,
        "out": scatter.out,
        "out_step": scatter.out_step,
        "out_plane": plane(scatter.out_step, 2),
    }
    _need_frames(site, {name: value for name, value in fields.items() if name != "channels"})
    return fields | {"sets": scatter.parameters, "interval": scatter_interval(scatter.channels)}


def _need_frames(site: Site, places: dict[str, int]) -> None:
    """Refuse runs of one client that begin in different banks: they might meet."""
    for name, place in places.items():
        site.need(place % SLOTS == 0, f"must have {name} at a multiple of {SLOTS} words, not {place}")
