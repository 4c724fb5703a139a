"""Queues of routed tokens: jobs of gather and scatter-add, and what the reference makes of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vitaccel.reference.fixed_point import round_shift, saturate

Buffer = dict[int, list[int]]
"""Words of P elements by address."""

SCORE_BITS = 16
"""Fraction bits of a gate score."""

HIGHEST, LOWEST = (1 << 15) - 1, -(1 << 15)

RESULTS = (LOWEST, HIGHEST, LOWEST + 1, -1, 0, 1)
SCORES = (0, 1, 1 << 15, (1 << 16) - 1)
MULTIPLIERS = (-(1 << 17), 1 - (1 << 17), -1, 0, 1, (1 << 17) - 1)
SHIFTS = (0, 1, 2, 14, 15, 16, 17, 31, 32, 33, 47)


SPREAD = 20
"""Of the address of a job near the first word of a buffer, and of its step beyond its rows."""


@dataclass(frozen=True, kw_only=True)
class RoutedJob:
    """A queue of an expert, and where its tokens stand.

    Parameters
    ----------
    address, step, tiles
        As in the job of a block: the word of the first token, words from tile to tile, tiles of P channels.
    rows
        Of the entries, in words from the first token.
    scores
        Of the entries, uq0.16.
    multiplier, shift
        That scale results.
    results
        Of the entries, int16, ``[entries][tiles * P]``.
    """

    address: int
    step: int
    tiles: int
    rows: Sequence[int]
    scores: Sequence[int]
    multiplier: int
    shift: int
    results: Sequence[Sequence[int]]

    def blocks(self, side: int) -> list[range]:
        """Entries of each block of P; those of the last may be fewer."""
        return [range(n, min(n + side, len(self.rows))) for n in range(0, len(self.rows), side)]

    def places(self, side: int) -> list[int]:
        """Addresses of all words of the job, in the order in which a block reads and writes them."""
        return [
            self.address + tile * self.step + self.rows[entry]
            for block in self.blocks(side)
            for tile in range(self.tiles)
            for entry in block
        ]

    @property
    def walk(self) -> dict[str, int]:
        """The job of a walk or a gather."""
        return {"address": self.address, "step": self.step, "tiles": self.tiles, "entries": len(self.rows)}

    @property
    def scale(self) -> dict[str, int]:
        """The job of gate factors; with that of a walk it is the job of a scatter-add."""
        return {"multiplier": self.multiplier, "shift": self.shift, "entries": len(self.rows)}

    @property
    def entries(self) -> list[dict[str, int]]:
        """Entries of a scatter-add."""
        return [{"row": row, "score": score} for row, score in zip(self.rows, self.scores, strict=True)]


def gathered(job: RoutedJob, buffer: Buffer, side: int) -> list[dict[str, Any]]:
    """Return the token-lane words of a queue; lanes beyond it are 0."""
    words = []
    for block in job.blocks(side):
        for tile in range(job.tiles):
            taken = [buffer[job.address + tile * job.step + job.rows[entry]] for entry in block]
            taken += [[0] * side] * (side - len(taken))
            ends = tile == job.tiles - 1
            words += [
                {"lanes": [row[channel] for row in taken], "last": int(ends and channel == side - 1)}
                for channel in range(side)
            ]
    return words


def result_words(job: RoutedJob, side: int, beyond: int = 0) -> list[dict[str, Any]]:
    """Return a queue's results as a matmul writes them, with *beyond* in the lanes that belong to no entry."""
    channels = job.tiles * side
    return [
        {
            "lanes": [job.results[entry][channel] for entry in block] + [beyond] * (side - len(block)),
            "last": int(channel == channels - 1),
        }
        for block in job.blocks(side)
        for channel in range(channels)
    ]


def update(job: RoutedJob) -> torch.Tensor:
    """Return what is added for each entry and channel, int64, not saturated: as the interpreter's `scatter_add`."""
    results, scores = torch.tensor(job.results), torch.tensor(job.scores)
    return round_shift(results * scores[:, None] * job.multiplier, SCORE_BITS + job.shift)


def add(job: RoutedJob, buffer: Buffer, side: int) -> list[dict[str, Any]]:
    """Add a queue's results to the sums in *buffer*; return the words that are written, in their order."""
    if not job.rows:
        return []
    added = update(job)
    written = []
    for block in job.blocks(side):
        for tile in range(job.tiles):
            for entry in block:
                place = job.address + tile * job.step + job.rows[entry]
                channels = added[entry, tile * side : (tile + 1) * side]
                buffer[place] = saturate(torch.tensor(buffer[place]) + channels, 16).tolist()
                written.append({"address": place, "lanes": buffer[place]})
    return written


def some(rng: random.Random, ends: Sequence[int], low: int, high: int) -> int:
    """Return one of the *ends*, or an integer from *low* to *high* of a random length."""
    if rng.random() < 0.3:
        return rng.choice(ends)
    value = rng.randint(low, high)
    return value >> rng.randrange(max(value.bit_length(), 1))


def random_job(
    rng: random.Random, side: int, entries: int, *, tokens: int = 64, tiles: int = 0, space: int = 0
) -> RoutedJob:
    """Return a queue of distinct rows among *tokens*, of 1 to 3 tiles unless *tiles* are given, extremes among it.

    It lies anywhere in *space* words, or near the first of them if there are 0.
    """
    tiles = tiles or rng.randint(1, 3)
    step = tokens + _up_to(rng, (space - 1) // tiles - tokens if space else SPREAD)
    multiplier = some(rng, MULTIPLIERS, -(1 << 17), (1 << 17) - 1)
    return RoutedJob(
        address=_up_to(rng, space - tiles * step if space else SPREAD),
        step=step,
        tiles=tiles,
        rows=rng.sample(range(tokens), entries),
        scores=[some(rng, SCORES, 0, (1 << 16) - 1) for _ in range(entries)],
        multiplier=multiplier,
        shift=rng.randint(0, 18) if rng.random() < 0.7 else rng.choice(SHIFTS),
        results=[[some(rng, RESULTS, LOWEST, HIGHEST) for _ in range(tiles * side)] for _ in range(entries)],
    )


def _up_to(rng: random.Random, most: int) -> int:
    return rng.choice((0, most, rng.randint(0, most)))


def random_buffer(rng: random.Random, jobs: Sequence[RoutedJob], side: int, bits: int) -> Buffer:
    """Return a buffer that holds the words of all jobs and no other: whoever reads anything else fails."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    places = sorted({place for job in jobs for place in job.places(side)})
    return {place: [some(rng, (low, high, 0, -1), low, high) for _ in range(side)] for place in places}


def lengths_met(jobs: Sequence[RoutedJob], side: int) -> Counter[str]:
    """Return how often jobs meet the bins of lengths."""
    met: Counter[str] = Counter()
    for job in jobs:
        entries = len(job.rows)
        met["an empty queue"] += entries == 0
        met["a queue of one entry"] += entries == 1
        met["a queue of less than a block"] += 1 < entries < side
        met["a queue of one block"] += entries == side
        met["a queue of a block and an entry"] += entries == side + 1
        met["a queue of many blocks"] += entries > 2 * side
        met["one tile" if job.tiles == 1 else "tiles"] += 1
    return met


def sums_met(jobs: Sequence[RoutedJob], buffer: Buffer, side: int) -> Counter[str]:
    """Return how often jobs that add to *buffer*, one after the other, meet the bins of sums."""
    met: Counter[str] = Counter()
    sums = dict(buffer)
    for job, before in zip(jobs, (None, *jobs), strict=False):
        met["a score of 0"] += job.scores.count(0)
        met["a score of 65535"] += job.scores.count(65535)
        met["a negative multiplier"] += job.multiplier < 0
        met["no shift"] += job.shift == 0
        written = [number for word in add(job, sums, side) for number in word["lanes"]]
        met["saturated above"] += written.count(HIGHEST)
        met["saturated below"] += written.count(LOWEST)
        met["a row of the job before"] += before is not None and not set(before.places(side)).isdisjoint(
            job.places(side)
        )
    return met
