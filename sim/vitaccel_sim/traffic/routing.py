"""Routing as jobs: logits of tokens, what the reference makes of them, and the words of all streams."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vitaccel.reference.softmax import MASKED, OnlineSoftmax
from vitaccel.reference.topk import ExpertQueues, Queues, TopK
from vitaccel_sim.traffic.case import Word
from vitaccel_sim.traffic.routing_bins import BINS

HIGHEST = -MASKED - 1

IN_VAIN = 600
"""Jobs in a row without a new bin, after which a component of these parameters cannot meet those that are left."""

KINDS = ("any", "one expert", "few experts", "ties", "ends")
"""How logits are made. ``one expert`` is the first choice of all tokens; the routing that hangs a queue too short."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingJob:
    """Tokens to be routed, and what must become of them.

    Parameters
    ----------
    lanes
        P.
    logits
        Integers ``[tokens, experts]``.
    frame_tokens
        Tokens of a frame, of which the job has a whole number, or all tokens.
    k, capacity, order, over_chosen
        Of the instruction `route`.
    fraction_bits
        Of a logit.
    """

    lanes: int
    logits: Tensor
    frame_tokens: int
    k: int
    capacity: int
    order: str
    over_chosen: bool
    fraction_bits: int

    @property
    def tokens(self) -> int:
        """Tokens of the job."""
        return int(self.logits.shape[0])

    @property
    def experts(self) -> int:
        """Experts that a row rates."""
        return int(self.logits.shape[1])

    @property
    def row_blocks(self) -> int:
        """Row-blocks of all frames."""
        return self.tokens // self.frame_tokens * self._frame_blocks

    @property
    def _frame_blocks(self) -> int:
        return -(-self.frame_tokens // self.lanes)

    @cached_property
    def choices(self) -> Tensor:
        """Experts of each token, best first."""
        return TopK(self.experts, self.k).compute(self.logits)

    @cached_property
    def scores(self) -> Tensor:
        """Scores of the choices."""
        softmax = OnlineSoftmax(self.fraction_bits)
        if self.over_chosen:
            return softmax.probabilities(self.logits.gather(1, self.choices))
        return softmax.probabilities(self.logits).gather(1, self.choices)

    @cached_property
    def queues(self) -> Queues:
        """Queues of all experts."""
        return ExpertQueues(self.experts, self.capacity, self.order).compute(self.choices)

    def length(self, expert: int) -> int:
        """Length of a queue; 0 for an expert that no row rates."""
        return int(self.queues.lengths[expert]) if expert < self.experts else 0

    def longest_first(self, experts: int) -> list[int]:
        """All *experts*, the longest queue first, of equal ones the lower expert."""
        return sorted(range(experts), key=lambda expert: -self.length(expert))

    def entries(self, expert: int) -> list[Word]:
        """What a queue holds, in its order."""
        if not self.length(expert):
            return []
        tokens, ranks = self.queues.of(expert)
        words: list[Word] = []
        for token, rank in zip(tokens.tolist(), ranks.tolist(), strict=True):
            frame, place = divmod(token, self.frame_tokens)
            row = frame * self._frame_blocks * self.lanes + place
            words.append({"token": token, "row": row, "score": int(self.scores[token, rank]), "last": 0})
        return [*words[:-1], {**words[-1], "last": 1}]

    def job(self, fields: Iterable[str]) -> Word:
        """Return the job, with the fields that a component takes."""
        word = {
            "row_blocks": self.row_blocks,
            "tokens": self.tokens,
            "frame_tokens": self.frame_tokens,
            "k": self.k,
            "capacity": self.capacity,
            "by_choice": int(self.order == "choice"),
            "over_chosen": int(self.over_chosen),
        }
        return {name: word[name] for name in fields}

    def ends(self, token: int) -> tuple[bool, bool]:
        """Whether a token is the last of its row-block, and of the job."""
        place = token % self.frame_tokens
        is_last = token == self.tokens - 1
        return place == self.frame_tokens - 1 or place % self.lanes == self.lanes - 1, is_last

    def choice_words(self) -> list[Word]:
        """Return the choices with their scores, token by token."""
        words: list[Word] = []
        for token in range(self.tokens):
            ends_row_block, is_last = self.ends(token)
            for rank in range(self.k):
                ends = rank == self.k - 1
                words.append(
                    {
                        "expert": int(self.choices[token, rank]),
                        "score": int(self.scores[token, rank]),
                        "ends_token": int(ends),
                        "ends_row_block": int(ends and ends_row_block),
                        "last": int(ends and is_last),
                    }
                )
        return words

    def logit_words(self, rng: random.Random) -> list[Word]:
        """Return the logits, row-block by row-block; lanes without a token hold anything."""
        rows: list[list[int]] = []
        for token in range(self.tokens):
            rows.append(self.logits[token].tolist())
            if token % self.frame_tokens == self.frame_tokens - 1:
                missing = -len(rows) % self.lanes
                rows += [[rng.randint(MASKED, HIGHEST) for _ in range(self.experts)] for _ in range(missing)]
        blocks = [rows[n : n + self.lanes] for n in range(0, len(rows), self.lanes)]
        return [
            {"lanes": [row[expert] for row in block], "last": int(expert == self.experts - 1)}
            for block in blocks
            for expert in range(self.experts)
        ]

    def requests(self, experts: int, rng: random.Random) -> list[Word]:
        """Return requests: every expert and every rank with its entries, some twice, some for the length alone."""
        asked = [{"place": n, "by_length": by, "entries": 1} for n in range(experts) for by in (0, 1)]
        asked += [{"place": rng.randrange(experts), "by_length": by, "entries": 0} for by in (0, 1)]
        rng.shuffle(asked)
        return list(asked)

    def answers(self, requests: Sequence[Word], experts: int) -> tuple[list[Word], list[Word]]:
        """Return the answers to requests, and the entries that follow."""
        order = self.longest_first(experts)
        asked = [order[request["place"]] if request["by_length"] else int(request["place"]) for request in requests]
        answers: list[Word] = [{"expert": expert, "length": self.length(expert)} for expert in asked]
        entries = [
            entry
            for request, expert in zip(requests, asked, strict=True)
            if request["entries"]
            for entry in self.entries(expert)
        ]
        return answers, entries

    def met(self) -> Counter[str]:
        """Which bins this job meets."""
        lengths = [self.length(expert) for expert in range(self.experts)]
        wanted = torch.bincount(self.choices.flatten(), minlength=self.experts)
        dropped = bool(self.capacity and int(wanted.max()) > self.capacity)
        return Counter(
            {
                "one token": int(self.tokens == 1),
                "a row-block with lanes without a token": int(self.frame_tokens % self.lanes != 0),
                "several frames": int(self.frame_tokens < self.tokens),
                "all tokens to one expert": int(self.tokens > 1 and max(lengths) == self.tokens),
                "an empty queue": int(0 in lengths),
                "equal lengths": int(len(set(lengths)) < len(lengths)),
                "no capacity": int(not self.capacity),
                "a capacity of 1": int(self.capacity == 1),
                "a capacity that nothing reaches": int(bool(self.capacity) and int(wanted.max()) < self.capacity),
                "dropped in order of tokens": int(dropped and self.order == "token"),
                "dropped in order of choices": int(dropped and self.order == "choice"),
                "one choice": int(self.k == 1),
                "several choices": int(self.k > 1),
                "softmax over all experts": int(not self.over_chosen),
                "softmax over the chosen experts": int(self.over_chosen),
            }
        )


def logits_of(kind: str, tokens: int, experts: int, rng: random.Random) -> Tensor:
    """Return logits of a kind."""
    one = 1 << 8
    if kind == "ties":
        return torch.tensor([[rng.randint(-1, 1) * one for _ in range(experts)] for _ in range(tokens)])
    if kind == "ends":
        ends = (MASKED, MASKED, MASKED + 1, 0, HIGHEST)
        return torch.tensor([[rng.choice(ends) for _ in range(experts)] for _ in range(tokens)])
    logits = torch.tensor([[round(rng.gauss(0, 3 * one)) for _ in range(experts)] for _ in range(tokens)])
    if kind == "one expert":
        logits[:, rng.randrange(experts)] += 16 * one
    if kind == "few experts":
        for expert in rng.sample(range(experts), experts // 2):
            logits[:, expert] -= 16 * one
    return logits.clamp(MASKED, HIGHEST)


def random_job(point: Mapping[str, int], rng: random.Random, kind: str | None = None, **fixed: object) -> RoutingJob:
    """Return a job for a component of the parameters *point*; *fixed* are fields of it.

    *point* has ``lanes``, ``row_blocks``, ``tokens``, ``experts``, ``k`` and ``fraction_bits``.
    """
    lanes, most = point["lanes"], point["tokens"]
    sizes = {1, max(1, lanes - 1), most, rng.randint(1, most)}
    tokens = int(fixed.pop("tokens", 0) or rng.choice(sorted(size for size in sizes if size <= most)))  # type: ignore[call-overload]
    experts = rng.choice((point["experts"], point["experts"], rng.randint(point["k"], point["experts"])))
    parts = [n for n in range(1, tokens + 1) if tokens % n == 0]
    parts = [n for n in parts if tokens // n * -(-n // lanes) <= point["row_blocks"]]
    capacity = rng.choice((0, 1, rng.randint(1, tokens), tokens))
    chosen: dict[str, object] = {
        "logits": logits_of(kind or rng.choice(KINDS), tokens, experts, rng),
        "frame_tokens": rng.choice((tokens, rng.choice(parts))),
        "k": rng.choice((point["k"], rng.randint(1, point["k"]))),
        "capacity": capacity,
        "order": rng.choice(("token", "choice")),
        "over_chosen": rng.random() < 0.5,
        "fraction_bits": point["fraction_bits"],
        **fixed,
    }
    if not chosen["capacity"]:
        chosen["order"] = ""
    return RoutingJob(lanes=lanes, **chosen)  # type: ignore[arg-type]


def covering_jobs(point: Mapping[str, int], rng: random.Random) -> list[RoutingJob]:
    """Return few jobs that meet all bins between them that a component of *point* is able to meet."""
    jobs: list[RoutingJob] = []
    missed, in_vain = set(BINS), 0
    while missed and in_vain < IN_VAIN:
        job = random_job(point, rng)
        met = {name for name, count in job.met().items() if count}
        in_vain = 0 if met & missed else in_vain + 1
        if not in_vain:
            jobs.append(job)
            missed -= met
    return jobs
