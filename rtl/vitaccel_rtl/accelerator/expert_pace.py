"""At which pace the experts' instructions work, in frames, as formulas. Pure Python."""

from __future__ import annotations

from vitaccel_rtl import latency
from vitaccel_rtl.latency import SLOTS

SUM = 3
"""Cycles from a word of sums that was read to its new code: the lane's, the sum, its saturation."""

SUM_AGAIN = latency.READ_RUN + SUM + 1 + latency.WRITE_RUN - 2
"""Cycles from the start of a run of sums to where one that reads the new ones may start, behind the writer."""


def route_interval(*, side: int, experts: int, choices: int, over_chosen: bool, has_lines: bool) -> int:
    """Return the frames from a row-block to the next: the router takes no word late, so that none has to wait.

    Its words stream by once, and its choices are walked one a cycle; scores over chosen experts take those through the
    statistics of the softmax after the row.
    """
    cycles = latency.route_interval(side=side, experts=experts, k=choices, over_chosen=over_chosen, has_lines=has_lines)
    return -(-cycles // SLOTS)


def scatter_interval(channels: int) -> int:
    """Return the frames from an entry to the next: eight channels of results and of sums take a frame each."""
    return max(2 * -(-channels // SLOTS), -(-SUM_AGAIN // SLOTS))
