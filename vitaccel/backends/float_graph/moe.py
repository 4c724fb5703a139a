"""Float meaning of a mixture of experts: every expert sees the tokens that were routed to it, and no others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitaccel.backends.float_graph.apply import apply
from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.ir import ops


@dataclass(frozen=True)
class Routing:
    """Where S tokens go.

    Parameters
    ----------
    experts
        Expert of every choice, best first, int64 [S, k].
    scores
        Weight of that expert's result, float32 [S, k].
    kept
        Whether the assignment fitted into its expert's capacity, bool [S, k].
    """

    experts: Tensor
    scores: Tensor
    kept: Tensor


@apply.register
def moe(op: ops.Moe, x: Tensor, logits: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """``sum_j score_j * (act(x @ w1_e + b1_e) @ w2_e + b2_e)`` over the kept choices; zero where none was kept."""
    return run_routed(op, route(op, logits.reshape(-1, op.experts)), x, w1, b1, w2, b2)


def run_routed(op: ops.Moe, routing: Routing, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """Value of a layer of experts whose tokens go where ``routing`` says."""
    tokens = x.reshape(-1, x.shape[-1])
    result = torch.zeros(tokens.shape[0], w2.shape[-1])
    for expert in range(op.experts):
        token, choice = torch.nonzero((routing.experts == expert) & routing.kept, as_tuple=True)
        hidden = ACTIVATION[op.activation](tokens[token] @ w1[expert] + b1[expert])
        result[token] += routing.scores[token, choice, None] * (hidden @ w2[expert] + b2[expert])
    return result.reshape(*x.shape[:-1], -1)


def route(op: ops.Moe, logits: Tensor, *, experts: Tensor | None = None) -> Routing:
    """Choose k experts for each of S tokens.

    Parameters
    ----------
    op
        The experts; scores, capacity and drop order are its.
    logits
        Router logits, [S, E].
    experts
        Choices made elsewhere, int64 [S, k], best first: only their scores and places in the queues are found.
    """
    if experts is None:
        # A stable sort, because topk does not say who wins a tie: the lower expert must.
        experts = torch.sort(logits, dim=-1, descending=True, stable=True).indices[:, : op.k]
    probabilities = logits.softmax(-1).gather(-1, experts)
    scores = {
        "softmax_all": lambda: probabilities,
        "softmax_topk": lambda: logits.gather(-1, experts).softmax(-1),
        "renorm": lambda: probabilities / probabilities.sum(-1, keepdim=True),
    }[op.score]()
    return Routing(experts, scores, _kept(op, experts))


def _kept(op: ops.Moe, experts: Tensor) -> Tensor:
    """Which assignments [S, k] are among the first ``capacity`` of their expert, counted in drop order."""
    if not op.capacity:
        return torch.ones_like(experts, dtype=torch.bool)
    queue = experts if op.order == "token" else experts.T
    assigned = torch.nn.functional.one_hot(queue.flatten(), op.experts)
    place = (assigned.cumsum(0) * assigned).sum(-1)
    kept = (place <= op.capacity).reshape(queue.shape)
    return kept if op.order == "token" else kept.T
