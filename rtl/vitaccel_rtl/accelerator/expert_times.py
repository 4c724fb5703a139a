"""What an instruction of the experts takes, from being accepted to its `done`, in cycles. Pure Python.

It depends on the length of its queue and on nothing else that is known only at run time.
"""

from __future__ import annotations

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.expert_pace import SUM
from vitaccel_rtl.latency import SLOTS

ASKED = 1
"""From accepting an instruction to asking for a queue, or giving a job to the router."""

FOUND = ASKED + latency.QUEUE_ANSWER + 1
"""To where the part that walks the queue begins, or finds that it is empty."""

SET_FOUND = ASKED + latency.READ_RUN + 1
"""The same for a scatter-add, whose parameter set comes later than the length of its queue."""

TO_DONE = latency.WRITE_RUN + 1 - latency.DONE_TO_START
"""From the last word at the writers to where an instruction has ended."""

OF_LENGTH = latency.QUEUE_ANSWER + 3
"""From asking for the length of a queue to asking for the next."""

SKIPPED = 2
"""Frames from where a matmul without rows could begin, with nothing before it under way, to its result."""


def route_cycles(
    *,
    side: int,
    tokens: int,
    frame_tokens: int,
    experts: int,
    most_experts: int,
    k: int,
    over_chosen: bool,
    has_lines: bool,
    interval: int,
) -> int:
    """Return what a route takes: as `latency.route`, but its row-blocks come *interval* frames apart."""
    statistics = latency.softmax_statistics(has_lines=has_lines) + latency.CREDIT_QUEUE
    first = experts + statistics - 1
    if over_chosen:
        first += latency.TOPK + latency.CREDIT_QUEUE + k - 1
    whole, rest = divmod(min(frame_tokens, tokens), side)
    walks = [valid * k for valid in [side] * whole + [rest] * (rest > 0)] * max(tokens // frame_tokens, 1)
    walked = 0
    for place, walk in enumerate(walks):
        walked = max(walked, SLOTS * interval * place + first + latency.SLOT) + walk
    behind = latency.CREDIT_QUEUE + latency.choice_score(has_lines=has_lines) + latency.queues_ready(most_experts)
    return SLOTS + latency.READ_RUN + walked + behind + 1 + OF_LENGTH * experts


def gather_cycles(length: int, *, side: int, tiles: int) -> int:
    """Return what gathering so many tokens takes: a frame a word; the lanes behind a queue's end are a cycle each."""
    if not length:
        return FOUND + 1
    whole, entries = divmod(length - 1, side)
    missing = side - (entries + 1)
    of_tile = SLOTS * entries + SLOTS * -(-(missing + 1) // SLOTS)
    last_word = 2 * SLOTS + SLOTS * whole * tiles * side + (tiles - 1) * of_tile + SLOTS * entries
    return last_word + latency.READ_RUN + missing + latency.TRANSPOSER + side - 1 + TO_DONE + 1


def scatter_cycles(length: int, *, channels: int, interval: int) -> int:
    """Return what adding so many entries takes, *interval* frames each."""
    if not length:
        return SET_FOUND + 1
    chunks, rest = divmod(channels - 1, SLOTS)
    begins = -(-(SET_FOUND + 1) // SLOTS) * SLOTS
    last_sums = begins + SLOTS * (interval * (length - 1) + 2 * chunks + 1)
    return last_sums + latency.READ_RUN + SUM + rest + TO_DONE + 2
