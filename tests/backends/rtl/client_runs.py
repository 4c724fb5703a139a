"""Runs of the clients of the activation buffer, and whether those that follow each other meet."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

SIDES = (4, 5, 8, 12, 32)
address, step = st.integers(0, 40), st.integers(0, 40)


class Run(NamedTuple):
    """Consecutive words that a client of the buffer begins with in a cycle."""

    client: str
    cycle: int
    address: int
    words: int


def meet(runs: list[Run]) -> list[tuple[Run, Run]]:
    """Runs of which one begins, or has its first bank, before the one before has had its last; of any clients."""
    found = []
    for client in {run.client for run in runs}:
        own = [run for run in runs if run.client == client]
        for before, after in pairwise(own):
            waits = [((before.address - at) % 8, (after.address - at) % 8) for at in range(8)]
            early = any(after.cycle + later < before.cycle + wait + before.words for wait, later in waits)
            if early or after.cycle < before.cycle + before.words:
                found.append((before, after))
    return found
