# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a bench asks a component for its ports alone)
"""Traffic for banked buffers, and what a buffer must answer: writes of a cycle happen before its reads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from vitaccel_rtl.bank_schedule import Request
from vitaccel_rtl.buffer import Buffer

Word = dict[str, int]
"""A request, a response or a write, by field."""

STRIDES = ("unit", "bank", "word", "any")
"""Kinds of streams: word after word, always the same bank, always the same word, anywhere."""


MOST_TRIED = 256


@dataclass(frozen=True, kw_only=True)
class Point:
    """Parameters of a buffer, as `vitaccel_rtl.buffer.Buffer` has them."""

    words: int = 64
    width: int = 16
    banks: int = 4
    readers: int = 3
    writers: int = 2
    lane_writes: int = 1
    tag_bits: int = 5
    policy: str = "fixed"
    outstanding: int = 8

    @property
    def tried(self) -> int:
        """Words that a bench writes and reads, a multiple of the banks: of a large buffer its first and its last."""
        return min(self.words, MOST_TRIED)

    def at(self, place: int) -> int:
        """Return the address of one of the words that are tried, whatever its *place*, in the bank of that."""
        place %= self.tried
        return place if place < self.tried // 2 else self.words - self.tried + place

    def build(self) -> Buffer:
        """Return the buffer."""
        return Buffer(**asdict(self))

    def __str__(self) -> str:
        return f"{self.banks} banks {self.readers}r{self.writers}w {self.policy} {self.outstanding}"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What one stream sent, and the cycles in which that was first offered and accepted."""

    words: Sequence[Word]
    offered: Sequence[int]
    accepted: Sequence[int]

    def requests(self) -> list[Request]:
        """Return what `vitaccel_rtl.bank_schedule` needs to know of it."""
        pairs = zip(self.words, self.offered, strict=True)
        return [Request(address=word["address"], not_before=cycle) for word, cycle in pairs]


def addresses(rng: random.Random, point: Point, count: int, stride: str) -> list[int]:
    """Return the addresses of a stream of one of `STRIDES`."""
    if stride == "any":
        return [point.at(rng.randrange(point.tried)) for _ in range(count)]
    first, step = rng.randrange(point.tried), {"unit": 1, "bank": point.banks, "word": 0}[stride]
    return [point.at(first + place * step) for place in range(count)]


def random_reads(rng: random.Random, point: Point, count: int) -> list[Word]:
    """Return requests of one reader."""
    places = addresses(rng, point, count, rng.choice(STRIDES))
    tags = [{"tag": rng.getrandbits(point.tag_bits)} if point.tag_bits else {} for _ in places]
    return [{"address": place, **tag, "last": rng.getrandbits(1)} for place, tag in zip(places, tags, strict=True)]


def random_writes(rng: random.Random, point: Point, count: int) -> list[Word]:
    """Return writes of one writer."""
    places = addresses(rng, point, count, rng.choice(STRIDES))
    lanes = point.lane_writes
    enables = [{"enable": rng.getrandbits(lanes)} if lanes > 1 else {} for _ in places]
    return [
        {"address": place, "word": rng.getrandbits(point.width), **enable}
        for place, enable in zip(places, enables, strict=True)
    ]


def expected_responses(
    point: Point, reads: Sequence[Accepted], writes: Sequence[Accepted], memory: dict[int, int]
) -> list[list[Word]]:
    """Return the responses of each reader; *memory* holds the words that are not 0, and changes."""
    events = [
        (cycle, who, word)
        for who, stream in enumerate((*writes, *reads), -len(writes))
        for cycle, word in zip(stream.accepted, stream.words, strict=False)
    ]
    answers: list[list[Word]] = [[] for _ in reads]
    for _, who, word in sorted(events, key=lambda event: event[:2]):
        address, held = word["address"], memory.get(word["address"], 0)
        if who < 0:
            mask = written_bits(point, word)
            memory[address] = held & ~mask | word["word"] & mask
        else:
            answers[who].append({"word": held, **{name: word[name] for name in ("tag", "last") if name in word}})
    return answers


def written_bits(point: Point, write: Word) -> int:
    """Return the bits that a write changes."""
    part = point.width // point.lane_writes
    enable = write.get("enable", 1)
    return sum(((1 << part) - 1) << lane * part for lane in range(point.lane_writes) if enable >> lane & 1)
