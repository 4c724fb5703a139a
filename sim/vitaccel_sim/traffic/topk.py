"""Rows of router logits: few values, many ties, rising and falling, the ends of the range; their best experts."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping

import torch

from vitaccel.reference.topk import TopK
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.values import ends

ENDS = ends(16)
KINDS = ("few values", "any", "equal", "rising", "falling", "ends")
DIRECTED_WORDS = 60
"""Of a directed row at most."""

ORDER = 4
"""Logits of which every order is tried: one is compared with two ahead of it and with what those found."""

MOST_ORDER_WORDS = 320
"""Of all those orders; where they would be more, they are left to other points."""

Row = list[int]
RowBlock = list[Row]

BINS = (
    "a tie for the first rank",
    "a tie between the last rank and the next",
    "all logits equal",
    "logits rise",
    "logits fall",
    "both ends of the range in a row",
    "all logits are the smallest",
    "as many choices as experts",
    "a row shorter than the longest",
    "the longest row",
    "the best comes last",
    "the best of a row is below all of the row before",
    "every order of the first four logits, with ties",
)


def row(rng: random.Random, kind: str, experts: int) -> Row:
    """Return logits of a kind of row."""
    if kind == "few values":
        return [rng.randint(-1, 1) for _ in range(experts)]
    if kind == "equal":
        return [rng.choice((*ENDS, 0))] * experts
    if kind == "ends":
        return [rng.choice(ENDS) for _ in range(experts)]
    values = [rng.randint(*ENDS) for _ in range(experts)]
    return {"any": values, "rising": sorted(values), "falling": sorted(values, reverse=True)}[kind]


def random_blocks(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> list[RowBlock]:
    """Return a row-block of every length that the block takes, k to the longest; others become the nearest."""
    least, most = options["k"], options["experts"]
    return [
        [row(rng, rng.choice(KINDS), min(max(length, least), most)) for _ in range(options["lanes"])]
        for length in lengths
    ]


def extreme_blocks(options: Mapping[str, int]) -> list[RowBlock]:
    """Return rows in which every rank is tied, entered from above or kept, as long and as short as they may be."""
    lanes, k, most = options["lanes"], options["k"], options["experts"]
    lengths = dict.fromkeys((most, k, min(k + 1, most))) if most <= DIRECTED_WORDS else (k, min(k + 1, most))
    blocks = []
    for length in lengths:
        rising = [min(ENDS[0] + n, ENDS[1]) for n in range(length)]
        rows = [
            rising,
            rising[::-1],
            [ENDS[1] - n for n in range(length)][::-1],
            [ENDS[1]] * length,
            [ENDS[0]] * length,
            [ENDS[n % 2] for n in range(length)],
            [ENDS[1 - n % 2] for n in range(length)],
            [n // 2 for n in range(length)],
            [-(n // 2) for n in range(length)],
            [*[0] * (length - 1), 1],
            [1, *[0] * (length - 1)],
            [-1, 0] * (length // 2) + [-1] * (length % 2),
        ]
        blocks += _side_by_side(rows, lanes)
    return [*blocks, *order_blocks(options)]


def order_blocks(options: Mapping[str, int]) -> list[RowBlock]:
    """Return rows that begin in every order of four logits, with ties; none where those rows are too many words."""
    lanes, k, most = options["lanes"], options["k"], options["experts"]
    length = max(ORDER, k)
    if length > most:
        return []
    blocks = _side_by_side([[*order, *[0] * (length - ORDER)] for order in orders()], lanes)
    return blocks if len(blocks) * length <= MOST_ORDER_WORDS else []


def orders() -> list[tuple[int, ...]]:
    """Return every order of four logits, ties included: 75, each of the integers from 0 upwards, none left out."""
    every = itertools.product(range(ORDER), repeat=ORDER)
    return [order for order in every if set(order) == set(range(max(order) + 1))]


def _side_by_side(rows: list[Row], lanes: int) -> list[RowBlock]:
    """Return rows as row-blocks, of which the last is filled up with the first rows."""
    filled = [*rows, *rows[: -len(rows) % lanes]]
    return [filled[n : n + lanes] for n in range(0, len(filled), lanes)]


def case(options: Mapping[str, int], blocks: list[RowBlock]) -> Case:
    """Return the words of these rows with the experts that must be chosen, and their logits."""
    words: list[Word] = []
    expected: list[Word] = []
    for rows in blocks:
        length = len(rows[0])
        words += [{"lanes": [r[e] for r in rows], "last": int(e == length - 1)} for e in range(length)]
        best = TopK(length, options["k"]).compute(torch.tensor(rows))
        logits = torch.tensor(rows).gather(1, best)
        expected.append({"experts": best.tolist(), "logits": logits.tolist(), "last": 1})
    return Case(words=words, expected=expected, hits=_met(options, blocks), first_row=len(blocks[0][0]))


def _met(options: Mapping[str, int], blocks: list[RowBlock]) -> Counter[str]:
    k, most = options["k"], options["experts"]
    met: Counter[str] = Counter()
    begun = {_order(logits[:ORDER]) for rows in blocks for logits in rows if len(logits) >= ORDER}
    met["every order of the first four logits, with ties"] += begun == set(orders())
    for block, rows in enumerate(blocks):
        for lane, logits in enumerate(rows):
            ranked = sorted(logits, reverse=True)
            long = len(logits) > 1
            met["a tie for the first rank"] += long and ranked[0] == ranked[1]
            met["a tie between the last rank and the next"] += len(ranked) > k and ranked[k - 1] == ranked[k]
            met["all logits equal"] += long and ranked[0] == ranked[-1]
            met["logits rise"] += long and logits == ranked[::-1] and ranked[0] > ranked[-1]
            met["logits fall"] += long and logits == ranked and ranked[0] > ranked[-1]
            met["both ends of the range in a row"] += (ranked[0], ranked[-1]) == ENDS[::-1]
            met["all logits are the smallest"] += ranked[0] == ENDS[0]
            met["as many choices as experts"] += len(logits) == k
            met["a row shorter than the longest"] += len(logits) < most
            met["the longest row"] += len(logits) == most
            met["the best comes last"] += long and logits[-1] > max(logits[:-1])
            met["the best of a row is below all of the row before"] += block > 0 and ranked[0] < min(
                blocks[block - 1][lane]
            )
    return met


def _order(logits: Row) -> tuple[int, ...]:
    """Return where each logit stands among the values of all: equal for logits of the same order."""
    values = sorted(set(logits))
    return tuple(values.index(logit) for logit in logits)


TOPK = Traffic(
    block="topk",
    points=(
        {"lanes": 4, "experts": 8, "k": 2},
        {"lanes": 3, "experts": 16, "k": 4},
        {"lanes": 1, "experts": 1, "k": 1},
        {"lanes": 2, "experts": 4, "k": 4},
        {"lanes": 5, "experts": 23, "k": 3},
        {"lanes": 8, "experts": 64, "k": 1},
        {"lanes": 2, "experts": 4096, "k": 16},
    ),
    bins=BINS,
    directed=lambda options: case(options, extreme_blocks(options)),
    random=lambda options, rng, lengths: case(options, random_blocks(options, rng, lengths)),
)
