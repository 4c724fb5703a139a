"""What queues of routed tokens must meet: names alone, for a simulator that does not need the reference."""

from __future__ import annotations

LENGTH_BINS = (
    "an empty queue",
    "a queue of one entry",
    "a queue of less than a block",
    "a queue of one block",
    "a queue of a block and an entry",
    "a queue of many blocks",
    "one tile",
    "tiles",
)

SUM_BINS = (
    "a score of 0",
    "a score of 65535",
    "a negative multiplier",
    "no shift",
    "saturated above",
    "saturated below",
    "a row of the job before",
)
