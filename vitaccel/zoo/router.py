"""The MoE router: gate logits, scores, and the top k experts of each token."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vitaccel.zoo.embed import learned


class Router(nn.Module):
    """``logits = x W`` without bias; k experts and k scores per token.

    Parameters
    ----------
    width, experts, top_k
        D, E and k; W is ``(D, E)``.
    scores
        ``softmax_all``: the softmax over all E, not renormalised (V-MoE; M3ViT ``noisy_vmoe``);
        ``softmax_topk``: softmax over the k selected logits (M3ViT ``noisy``);
        ``renorm``: ``softmax_all`` divided by its sum over k.
    official
        Keep what the M3ViT source leaves in the graph: noise times zero, and a top-(k+1) cut to k.
    task
        Task whose W this is, or ``None``: ``tasks`` matrices, selected by a scalar tensor at run time.
    tasks
        Number of tasks.
    """

    def __init__(
        self, *, width: int, experts: int, top_k: int, scores: str, official: bool, task: int | None, tasks: int
    ) -> None:
        super().__init__()
        self.top_k = top_k
        self.scores = scores
        self.official = official
        self.task = task
        self.weight = learned(tasks, width, experts) if task is None else learned(width, experts)

    def logits(self, x: Tensor, task: Tensor | None) -> Tensor:
        """Return the gate logits ``(S, E)`` of tokens ``(S, D)``."""
        weight = self.weight if task is None else self.weight[task]
        logits = x @ weight
        if self.official:
            logits = logits + torch.randn_like(logits) * 0.0
        return logits

    def forward(self, x: Tensor, task: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return scores ``(S, k)`` and expert indices ``(S, k)``."""
        logits = self.logits(x, task)
        ranked = logits if self.scores == "softmax_topk" else logits.softmax(dim=-1)
        taken = min(self.top_k + 1, ranked.shape[-1]) if self.official else self.top_k
        values, indices = torch.topk(ranked, taken, dim=-1)
        if self.official:
            values, indices = values[:, : self.top_k], indices[:, : self.top_k]
        if self.scores == "softmax_topk":
            values = values.softmax(dim=-1)
        if self.scores == "renorm":
            values = values / values.sum(dim=-1, keepdim=True)
        return values, indices

    def canonical(self) -> Iterator[tuple[str, Tensor]]:
        """Yield one ``(D, E)`` gate per task under ``<task>.weight``."""
        if self.task is not None:
            yield f"{self.task}.weight", self.weight
            return
        for task, weight in enumerate(self.weight.unbind(0)):
            yield f"{task}.weight", weight
