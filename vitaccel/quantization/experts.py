"""A mixture of experts, and attention by mean probabilities, with their inside open to view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.backends.float_graph.moe import Routing, route
from vitaccel.ir.ops import Moe

Expert = Callable[[str, Tensor], Tensor]
"""Called with ``pre``, ``hidden`` or ``result`` and that value; returns what goes on."""


@dataclass(frozen=True)
class Visit:
    """Tokens that one expert takes.

    Parameters
    ----------
    expert
        Number of the expert.
    tokens
        Rows of the token matrix, int64 [n].
    scores
        Gate score of each, float32 [n, 1].
    """

    expert: int
    tokens: Tensor
    scores: Tensor


def visits(op: Moe, logits: Tensor) -> Iterator[Visit]:
    """Every expert that some token is routed to, with its tokens in order."""
    routing: Routing = route(op, logits.reshape(-1, op.experts))
    for expert in range(op.experts):
        token, choice = torch.nonzero((routing.experts == expert) & routing.kept, as_tuple=True)
        if len(token):
            yield Visit(expert, token, routing.scores[token, choice, None])


def run_experts(op: Moe, operands: Sequence[Tensor], inside: Expert) -> Tensor:
    """Value of a layer of experts; operands are those of :class:`~vitaccel.ir.ops.Moe`."""
    x, logits, w1, b1, w2, b2 = operands
    tokens = x.reshape(-1, x.shape[-1])
    total = torch.zeros(tokens.shape[0], w2.shape[-1])
    for visit in visits(op, logits):
        hidden = expert_hidden(op, tokens[visit.tokens], w1[visit.expert], b1[visit.expert], inside)
        total[visit.tokens] += visit.scores * inside("result", hidden @ w2[visit.expert] + b2[visit.expert])
    return total.reshape(*x.shape[:-1], -1)


def expert_hidden(op: Moe, rows: Tensor, w1: Tensor, b1: Tensor, inside: Expert) -> Tensor:
    """What the second matmul of an expert reads: ``act(rows @ w1 + b1)``."""
    return inside("hidden", ACTIVATION[op.activation](inside("pre", rows @ w1 + b1)))


def head_mean(logits: Tensor) -> Tensor:
    """The transpose of the probabilities [B, H, M, N], averaged over heads: [B, N, M]."""
    return logits.softmax(-1).mean(1).mT
