"""Softmax of whole rows: logits in, numerators with the reciprocal of their row's sum out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

import torch

from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.softmax import BINS, RowBlock, extreme_blocks, met, random_blocks, row_words
from vitaccel_sim.traffic.values import MOST_WORDS

MANY_ROWS = 96
"""Rows of one key, one after another: more than the block has room for, where a directed case has room for them."""

SPAN = 1 << 16
"""Codes of a logit."""


def rows_case(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    """Return row-blocks of random rows of these lengths."""
    return _case(options, random_blocks(options, rng, lengths))


def _case(options: Mapping[str, int], blocks: list[RowBlock]) -> Case:
    spec = OnlineSoftmax(options["fraction_bits"], options["bits"])
    words: list[Word] = []
    expected: list[Word] = []
    for rows in blocks:
        logits = torch.tensor(rows)
        m, total = spec.statistics(logits)
        mantissa, exponent = spec.reciprocal.compute(total)
        words += row_words(rows)
        scale = {"mantissa": mantissa.tolist(), "exponent": exponent.tolist()}
        expected += row_words(spec.numerators(logits, m).tolist(), **scale)
    hits = met(blocks, spec)
    hits["a row as long as the queue"] += sum(len(rows[0]) == options["keys"] for rows in blocks)
    return Case(words=words, expected=expected, hits=hits, first_row=len(blocks[0][0]))


def _directed(options: Mapping[str, int]) -> Case:
    lanes = options["lanes"]
    shortest = [[[(n * lanes + lane) * 331 % SPAN - SPAN // 2] for lane in range(lanes)] for n in range(MANY_ROWS)]
    extremes = extreme_blocks(options)
    room = max(0, MOST_WORDS - sum(len(rows[0]) for rows in extremes))
    longest = [[[0] * options["keys"] for _ in range(lanes)]]
    return _case(options, [*extremes, *shortest[:room], *longest])


SOFTMAX = Traffic(
    block="softmax",
    points=(
        {"lanes": 4, "fraction_bits": 6, "bits": 8, "keys": 577},
        {"lanes": 3, "fraction_bits": 8, "bits": 12, "keys": 577},
        {"lanes": 1, "fraction_bits": 6, "bits": 16, "keys": 577},
        {"lanes": 5, "fraction_bits": 8, "bits": 8, "keys": 600},
        {"lanes": 8, "fraction_bits": 6, "bits": 12, "keys": 1024},
    ),
    bins=(*BINS, "a row as long as the queue"),
    directed=_directed,
    random=rows_case,
)
