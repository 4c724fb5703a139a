"""The experts' part of a machine that knows fields and nothing else, as ``docs/isa.md`` says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel.backends.interpreter.moe import SCORE_BITS
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel.reference.topk import ExpertQueues, TopK
from vitaccel_rtl.accelerator.parts import Parts

Fields = Mapping[str, int]


class FieldsExperts:
    """Routes, gathers and scatters; a queue is a list of tokens, their rows and their scores."""

    side: int
    queues: list[list[tuple[int, int, int]]]
    parts: dict[str, Parts]
    places: Any
    read: Any
    write: Any
    constants: Any

    def route(self, f: Fields) -> None:
        blocks = range(f["row_blocks"])
        at = [self.places(f["logits"] + n * f["logits_step"], f["experts"]) for n in blocks]
        logits = [self.read(places, f["logits_plane"]).T for places in at]
        stride = -(-f["frame_tokens"] // self.side) * self.side
        rows = [t // f["frame_tokens"] * stride + t % f["frame_tokens"] for t in range(f["tokens"])]
        of_tokens = torch.cat(logits)[rows]
        chosen = TopK(f["experts"], f["choices"]).compute(of_tokens)
        softmax, narrow = OnlineSoftmax(ROUTER_FRACTION_BITS), of_tokens.to(torch.int16)
        if f["over_chosen"]:
            scores = softmax.probabilities(narrow.gather(-1, chosen))
        else:
            scores = softmax.probabilities(narrow).gather(-1, chosen)
        order = ("choice" if f["by_choice"] else "token") if f["capacity"] else ""
        queues = ExpertQueues(f["experts"], f["capacity"], order).compute(chosen)
        self.queues = []
        for expert in range(f["experts"]):
            entries = zip(*(values.tolist() for values in queues.of(expert)), strict=True)
            self.queues.append([(token, rows[token], int(scores[token, choice])) for token, choice in entries])

    def rows_of_expert(self, f: Fields) -> Fields:
        """Fields of a matmul, with as many row-blocks as its queue has."""
        return {**f, "row_blocks": -(-len(self.queues[f["expert"]]) // self.side)} if f["has_expert"] else f

    def gather(self, f: Fields) -> None:
        queue = self.queues[f["expert"]]
        places = PartPlaces(self.parts["activation"], self.side)
        channels = (f["tiles"] - 1) * self.side + f["last_channels"]
        for first in range(0, len(queue), self.side):
            words = torch.zeros((f["tiles"] * self.side, self.side), dtype=torch.int64)
            for lane, (token, _, _) in enumerate(queue[first : first + self.side]):
                at = [places.of_token(f["a"], f["a_step"], tile, token) for tile in range(f["tiles"])]
                words[:, lane] = self.read(np.array(at)).reshape(-1)
            out = f["out"] + first // self.side * f["out_step"]
            self.write(self.places(out, channels), words[:channels], {"out_plane": 0, "is_wide": 0})

    def scatter_add(self, f: Fields) -> None:
        _, multipliers, shifts = self.constants(f["sets"], 1)
        for place, (_, row, score) in enumerate(self.queues[f["expert"]]):
            block, lane = divmod(place, self.side)
            result = self.read(self.places(f["a"] + block * f["a_step"], f["channels"]), f["a_plane"])[:, lane]
            at = self.places(f["out"] + row // self.side * f["out_step"], f["channels"])
            sums = self.read(at, f["out_plane"])
            added = round_shift(result.to(torch.int64) * score * int(multipliers[0]), SCORE_BITS + int(shifts[0]))
            sums[:, row % self.side] = saturate(sums[:, row % self.side].to(torch.int64) + added, 16)
            self.write(at, sums, {"out_plane": f["out_plane"], "is_wide": 1})
