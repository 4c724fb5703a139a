"""That routing is what it says: every row of a small alphabet, and random queues, against plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from vitaccel.reference.topk import ORDERS, ExpertQueues, TopK

ALPHABET = (-32768, -1, 0, 32767)
"""Logits of the exhaustive rows: with four experts they have every pattern of ties, and both extremes."""

EXPERTS = 4

CAPACITIES = (0, 1, 2, 5)


@dataclass(frozen=True)
class TopkCertificate:
    """What was compared.

    Parameters
    ----------
    rows
        Rows of logits, each for every k.
    wrong_rows
        Rows whose experts are not those of a sort by falling logit, then rising expert.
    queues
        Sets of queues, filled from choices at random, all for one expert, and of experts that nobody chose.
    wrong_queues
        Those that differ from lists that are filled one choice after the other.
    """

    rows: int
    wrong_rows: int
    queues: int
    wrong_queues: int


def certify_topk(seed: int = 0) -> TopkCertificate:
    """Compare every row over :data:`ALPHABET` for every k, and some queues of either order, with plain Python."""
    rows = list(product(ALPHABET, repeat=EXPERTS))
    wrong = 0
    for k in range(1, EXPERTS + 1):
        got = TopK(EXPERTS, k).compute(torch.tensor(rows)).tolist()
        wrong += sum(g != ranked(row)[:k] for g, row in zip(got, rows, strict=True))
    queues = [
        _queue_is_right(ExpertQueues(EXPERTS, capacity, order if capacity else ""), choices)
        for choices in _choices(np.random.default_rng(seed))
        for order in ORDERS
        for capacity in CAPACITIES
    ]
    return TopkCertificate(len(rows) * EXPERTS, wrong, len(queues), queues.count(False))


def ranked(row: tuple[int, ...]) -> list[int]:
    """Return the experts by falling logit, of equal ones the lower first."""
    return sorted(range(len(row)), key=lambda expert: (-row[expert], expert))


def filled(choices: list[list[int]], spec: ExpertQueues) -> list[list[tuple[int, int]]]:
    """Return the queues as lists of (token, choice), filled one after the other."""
    arrivals = [(token, choice) for token, row in enumerate(choices) for choice in range(len(row))]
    if spec.order == "choice":
        arrivals.sort(key=lambda arrival: (arrival[1], arrival[0]))
    queues: list[list[tuple[int, int]]] = [[] for _ in range(spec.experts)]
    for token, choice in arrivals:
        queue = queues[choices[token][choice]]
        if not spec.capacity or len(queue) < spec.capacity:
            queue.append((token, choice))
    return queues


def _choices(rng: np.random.Generator) -> list[list[list[int]]]:
    random = [np.argsort(rng.random((tokens, EXPERTS)))[:, :k].tolist() for tokens in (1, 7, 33) for k in (1, 2, 4)]
    return [*random, [[2, 0]] * 9, [[1]] * 6]


def _queue_is_right(spec: ExpertQueues, choices: list[list[int]]) -> bool:
    queues = spec.compute(torch.tensor(choices))
    got = [list(zip(*(part.tolist() for part in queues.of(e)), strict=True)) for e in range(spec.experts)]
    return got == filled(choices, spec) and queues.lengths.tolist() == [len(queue) for queue in got]
