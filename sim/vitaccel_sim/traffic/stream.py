"""Words of any width, which must come out as they went in: all bits, single bits, and more than a queue holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import thinned

MOST_PLACES = 130
"""Of a single bit in a directed case."""

BINS = ("no bit", "all bits", "one bit", "all bits but one", "a word twice", "all bits change at once")


def case(options: Mapping[str, int], words: Sequence[int]) -> Case:
    """Return these words, which are also what must come out."""
    full = (1 << options["width"]) - 1
    met: Counter[str] = Counter()
    for word, before in zip(words, (None, *words), strict=False):
        met["no bit"] += word == 0
        met["all bits"] += word == full
        met["one bit"] += word.bit_count() == 1
        met["all bits but one"] += (word ^ full).bit_count() == 1
        met["a word twice"] += word == before
        met["all bits change at once"] += before is not None and word ^ before == full
    return Case(words=list(words), expected=list(words), hits=met)


def _queue_case(options: Mapping[str, int], words: Sequence[int]) -> Case:
    made = case(options, words)
    made.hits["more words than it holds"] += len(words) > options["depth"]
    return made


def extreme_words(options: Mapping[str, int]) -> list[int]:
    """Return words of no bit, all bits, and every single bit set or missing."""
    full = (1 << options["width"]) - 1
    places = thinned(range(options["width"]), MOST_PLACES)
    single = [1 << place for place in places]
    return [0, full, 0, 0, full, full, *single, *(bit ^ full for bit in single)]


def some_words(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> list[int]:
    """Return random words, some of them as the one before or its opposite."""
    full = (1 << options["width"]) - 1
    words = [rng.getrandbits(options["width"]) for _ in range(sum(lengths))]
    for n in range(1, len(words)):
        if rng.random() < 0.2:
            words[n] = words[n - 1] ^ rng.choice((0, full))
    return words


SKID_BUFFER = Traffic(
    block="skid-buffer",
    points=tuple({"width": width} for width in (8, 1, 64, 65, 2, 4096)),
    bins=BINS,
    directed=lambda options: case(options, extreme_words(options)),
    random=lambda options, rng, lengths: case(options, some_words(options, rng, lengths)),
)

FIFO = Traffic(
    block="fifo",
    points=(
        {"width": 8, "depth": 3},
        {"width": 1, "depth": 4},
        {"width": 64, "depth": 16},
        {"width": 12, "depth": 17},
        {"width": 65, "depth": 5},
        {"width": 512, "depth": 1024},
    ),
    bins=(*BINS, "more words than it holds"),
    directed=lambda options: _queue_case(options, extreme_words(options)),
    random=lambda options, rng, lengths: _queue_case(options, some_words(options, rng, lengths)),
)
