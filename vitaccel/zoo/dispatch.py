"""How tokens reach their experts: one function per export style.

Each takes tokens ``x (S, D)``, scores ``(S, k)``, expert indices ``(S, k)`` and the experts, and returns
``y_s = sum_j score_sj expert_{index_sj}(x_s)`` of shape ``(S, D)``. All but :func:`einsum_cap` lose no token.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vitaccel.zoo.experts import ListedExperts, StackedExperts

CAPACITY_MULTIPLE = 4
"""V-MoE rounds the capacity of an expert up to a multiple of this."""


def dense_list(x: Tensor, scores: Tensor, indices: Tensor, experts: ListedExperts) -> Tensor:
    """Run every expert on every token; weigh with a scattered ``(S, E)`` gate matrix."""
    gates = torch.zeros(x.shape[0], len(experts), dtype=x.dtype, device=x.device).scatter(1, indices, scores)
    y: Tensor = gates[:, 0:1] * experts[0](x)
    for e in range(1, len(experts)):
        y = y + gates[:, e : e + 1] * experts[e](x)
    return y


def nonzero(x: Tensor, scores: Tensor, indices: Tensor, experts: ListedExperts) -> Tensor:
    """Run each expert of a static loop on its own tokens only."""
    y = torch.zeros_like(x)
    for e in range(len(experts)):
        y = _add_expert(y, x, scores, indices, experts, e)
    return y


def hit_loop(x: Tensor, scores: Tensor, indices: Tensor, experts: ListedExperts) -> Tensor:
    """Run only the experts that some token chose; tracing this loses the others for good."""
    y = torch.zeros_like(x)
    for e in torch.unique(indices).tolist():
        y = _add_expert(y, x, scores, indices, experts, e)
    return y


def _add_expert(y: Tensor, x: Tensor, scores: Tensor, indices: Tensor, experts: ListedExperts, e: int) -> Tensor:
    token, slot = torch.where(indices == e)
    return y.index_add(0, token, experts[e](x[token]) * scores[token, slot].unsqueeze(-1))


def dense_bmm(x: Tensor, scores: Tensor, indices: Tensor, experts: StackedExperts) -> Tensor:
    """Run every expert on every token with stacked weights; weigh with a one-hot gate matrix."""
    chosen = F.one_hot(indices, len(experts)).to(x.dtype)
    gates = (chosen * scores.unsqueeze(-1)).sum(dim=1)
    hidden = experts.act(torch.einsum("sd,ehd->esh", x, experts.fc1_weight) + experts.fc1_bias.unsqueeze(1))
    out = torch.einsum("esh,edh->esd", hidden, experts.fc2_weight) + experts.fc2_bias.unsqueeze(1)
    return torch.einsum("se,esd->sd", gates, out)


def gather_w(x: Tensor, scores: Tensor, indices: Tensor, experts: StackedExperts) -> Tensor:
    """Fetch the weights of each token's experts and multiply row by row."""
    tokens, top_k = indices.shape
    flat = indices.reshape(-1)
    rows = x.unsqueeze(1).expand(-1, top_k, -1).reshape(tokens * top_k, -1)
    hidden = torch.bmm(experts.fc1_weight[flat], rows.unsqueeze(-1)).squeeze(-1) + experts.fc1_bias[flat]
    hidden = experts.act(hidden)
    out = torch.bmm(experts.fc2_weight[flat], hidden.unsqueeze(-1)).squeeze(-1) + experts.fc2_bias[flat]
    return (out.reshape(tokens, top_k, -1) * scores.unsqueeze(-1)).sum(dim=1)


def capacity(*, tokens: int, top_k: int, experts: int, factor: float) -> int:
    """Return ``ceil(S k factor / E)`` rounded up to a multiple of 4: the slots of one expert (V-MoE)."""
    slots = math.ceil(tokens * top_k * factor / experts)
    return -(-slots // CAPACITY_MULTIPLE) * CAPACITY_MULTIPLE


def einsum_cap(x: Tensor, scores: Tensor, indices: Tensor, experts: StackedExperts, *, slots: int) -> Tensor:
    """Dispatch and combine with one-hot tensors ``(S, E, C)``; what exceeds ``C = slots`` is dropped.

    An expert takes first choices in token order, then second choices, and so on.
    """
    tokens, top_k = indices.shape
    chosen = F.one_hot(indices, len(experts))
    by_choice = chosen.transpose(0, 1).reshape(top_k * tokens, len(experts))
    rank = (by_choice.cumsum(dim=0) - 1).reshape(top_k, tokens, len(experts)).transpose(0, 1)
    slot = (rank * chosen).sum(dim=-1)
    slot = torch.where(slot < slots, slot, slots)
    seat = F.one_hot(slot, slots + 1)[..., :slots].to(x.dtype)
    chosen = chosen.to(x.dtype)
    dispatch = torch.einsum("ske,skc->sec", chosen, seat)
    combine = torch.einsum("ske,skc->sec", chosen * scores.unsqueeze(-1), seat)
    rows = torch.einsum("sec,sd->ecd", dispatch, x)
    hidden = experts.act(torch.matmul(rows, experts.fc1_weight.transpose(1, 2)) + experts.fc1_bias.unsqueeze(1))
    out = torch.matmul(hidden, experts.fc2_weight.transpose(1, 2)) + experts.fc2_bias.unsqueeze(1)
    return torch.einsum("sec,ecd->sd", combine, out)
