"""Mixtures of experts: what the integer gates choose beside what the float gates choose, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from vitaccel.backends.float_graph.moe import route, run_routed
from vitaccel.evaluation.result import GateQuality
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Moe
from vitaccel.quantization.meaning import FloatMeaning


def layers_of_experts(graph: Graph) -> dict[str, str]:
    """Every :class:`~vitaccel.ir.ops.Moe` node with its layer's name."""
    return {name: graph[name].label for name in graph.find(lambda node: isinstance(node.op, Moe))}


def float_choices(op: Moe, logits: Tensor) -> np.ndarray:
    """Experts of every token, best first, int64 ``[tokens of the batch, k]``."""
    found: np.ndarray = route(op, logits.reshape(-1, op.experts)).experts.numpy()
    return found


class GateCounts:
    """Choices of one layer of experts, counted token by token.

    Parameters
    ----------
    name
        The layer.
    op
        Its experts.
    """

    def __init__(self, name: str, op: Moe) -> None:
        self.name, self.op = name, op
        self.tokens = self.same_sets = self.same_choices = 0
        self.float_load = np.zeros(op.experts, np.int64)
        self.int_load = np.zeros(op.experts, np.int64)

    def add(self, in_float: np.ndarray, in_integers: np.ndarray) -> np.ndarray:
        """Count choices ``[tokens, k]`` of both networks.

        Returns
        -------
        array
            For every token whether it gets the same experts, bool ``[tokens]``.
        """
        matches = (in_float[:, :, None] == in_integers[:, None, :]).any(2).sum(1)
        same: np.ndarray = matches == self.op.k
        self.tokens += len(in_float)
        self.same_sets += int(same.sum())
        self.same_choices += int(matches.sum())
        self.float_load += np.bincount(in_float.reshape(-1), minlength=self.op.experts)
        self.int_load += np.bincount(in_integers.reshape(-1), minlength=self.op.experts)
        return same

    @property
    def quality(self) -> GateQuality:
        """The counts."""
        return GateQuality(
            name=self.name,
            experts=self.op.experts,
            k=self.op.k,
            tokens=self.tokens,
            same_sets=self.same_sets,
            same_choices=self.same_choices,
            float_load=tuple(self.float_load.tolist()),
            int_load=tuple(self.int_load.tolist()),
        )


class ReroutedMeaning(FloatMeaning):
    """The float network with somebody else's choice of experts; the scores are its own.

    Parameters
    ----------
    graph
        A recognised Graph in float.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.choices: Mapping[str, np.ndarray] = {}
        """Experts ``[tokens of the batch, k]`` of every layer of experts, by node; to be set for each batch."""

    def exact(self, name: str, feeds: Mapping[str, np.ndarray], operands: Sequence[Tensor]) -> Tensor:
        op = self.graph[name].op
        if not isinstance(op, Moe):
            return super().exact(name, feeds, operands)
        x, logits, *weights = operands
        with torch.inference_mode():
            routing = route(op, logits.reshape(-1, op.experts), experts=torch.from_numpy(self.choices[name]))
            return run_routed(op, routing, x, *weights)
