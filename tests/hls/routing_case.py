"""A layer of experts on the small machine in C++: a route of two frames, and what the reference makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import CHANNEL, Bench
from vitaccel.ir.plan import ROUTER_FRACTION_BITS, ceil_div
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel.reference.topk import ExpertQueues, Queues, TopK

LOGITS, ROWS, TAKEN, RESULTS, SUMS = 0, 200, 600, 1000, 2000
"""Where things stand: router logits; tokens, channel-lane; those of an expert; its results; where they are added."""


@dataclass(frozen=True)
class Routing:
    """What is routed."""

    side: int
    frame_tokens: int
    channels: int
    seed: int
    frames: int = 2
    experts: int = 5
    choices: int = 2
    capacity: int = 0
    order: str = ""
    over_chosen: bool = False

    @property
    def tokens(self) -> int:
        return self.frames * self.frame_tokens

    @property
    def frame_rows(self) -> int:
        return ceil_div(self.frame_tokens, self.side) * self.side

    @property
    def logits(self) -> np.ndarray:
        """``[tokens, experts]``, ties among them."""
        found = integers(np.random.default_rng(self.seed), 16, self.tokens * self.experts)
        found[::3] = 100
        return found.reshape(self.tokens, self.experts)

    def in_rows(self, values: np.ndarray) -> np.ndarray:
        """Frames that begin with a row-block."""
        split = values.reshape(self.frames, self.frame_tokens, -1)
        padded = np.pad(split, ((0, 0), (0, self.frame_rows - self.frame_tokens), (0, 0)))
        return padded.reshape(self.frames * self.frame_rows, -1)

    @property
    def queues(self) -> Queues:
        choices = TopK(self.experts, self.choices).compute(torch.from_numpy(self.logits))
        return ExpertQueues(self.experts, self.capacity, self.order).compute(choices)

    @property
    def scores(self) -> torch.Tensor:
        """Of every token's choices."""
        softmax, logits = OnlineSoftmax(ROUTER_FRACTION_BITS), torch.from_numpy(self.logits)
        choices = self.queues.choices
        if self.over_chosen:
            return softmax.probabilities(logits.gather(-1, choices))
        return softmax.probabilities(logits).gather(-1, choices)

    @property
    def values(self) -> np.ndarray:
        """``[tokens, channels]`` of int8."""
        return integers(np.random.default_rng(self.seed + 1), 8, self.tokens * self.channels).reshape(self.tokens, -1)

    def bench(self) -> Bench:
        """A machine that has routed, with the tokens in it."""
        bench = Bench(self.side)
        bench.put(LOGITS, self.in_rows(self.logits), width=2)
        bench.put(ROWS, self.values, layout=CHANNEL)
        bench.add(
            "route", logits=LOGITS, logits_step=2 * self.experts, logits_plane=self.experts,
            row_blocks=self.frames * self.frame_rows // self.side, tokens=self.tokens, frame_tokens=self.frame_tokens,
            experts=self.experts, choices=self.choices, capacity=self.capacity,
            by_choice=int(self.order == "choice"), over_chosen=int(self.over_chosen),
        )  # fmt: skip
        return bench

    def add_gather(self, bench: Bench, expert: int) -> None:
        """Add the gathering of an expert's tokens."""
        tiles = ceil_div(self.channels, self.side)
        bench.add(
            "gather", expert=expert, has_expert=1, a=ROWS, a_step=self.tokens, tiles=tiles,
            last_channels=self.channels - (tiles - 1) * self.side, out=TAKEN, out_step=self.channels,
        )  # fmt: skip
