"""The mixture-of-experts layer: router, experts and a dispatch style."""

from __future__ import annotations

from torch import Tensor, nn

from vitaccel.zoo import dispatch
from vitaccel.zoo.catalog import LISTED_STYLES, Request
from vitaccel.zoo.experts import ListedExperts, StackedExperts
from vitaccel.zoo.microsoft_moe import microsoft_moe
from vitaccel.zoo.router import Router

_LISTED = {"dense_list": dispatch.dense_list, "nonzero": dispatch.nonzero, "hit_loop": dispatch.hit_loop}
_STACKED = {"dense_bmm": dispatch.dense_bmm, "gather_w": dispatch.gather_w}


class Moe(nn.Module):
    """``y = sum_j g_j(x) E_{i_j}(x)`` over the k experts that the router picks (arXiv 2210.14793, 2106.05974)."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        shape, moe = request.shape, request.shape.moe
        assert moe is not None
        self.style = request.text("moe_style")
        self.normalize = request.text("scores") != "softmax_all"
        self.capacity_factor = float(request.options["capacity_factor"])
        self.router = Router(
            width=shape.width,
            experts=moe.experts,
            top_k=moe.top_k,
            scores=request.text("scores"),
            official=request.text("gate") == "official",
            task=None if request.options.get("task_input") else int(request.options.get("task", 0)),
            tasks=len(moe.task_classes),
        )
        container = ListedExperts if self.style in LISTED_STYLES else StackedExperts
        # The microsoft node has no erf form.
        gelu = "tanh" if self.style == "microsoft" else request.text("gelu")
        self.experts = container(experts=moe.experts, width=shape.width, hidden=moe.hidden, gelu=gelu)

    def forward(self, x: Tensor, task: Tensor | None) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        return self._mix(tokens, task).reshape(x.shape)

    def _mix(self, tokens: Tensor, task: Tensor | None) -> Tensor:
        experts = self.experts
        if isinstance(experts, StackedExperts) and self.style == "microsoft":
            weights = (experts.fc1_weight, experts.fc1_bias, experts.fc2_weight, experts.fc2_bias)
            out: Tensor = microsoft_moe(
                tokens, self.router.logits(tokens, task), *weights, self.router.top_k, self.normalize
            )
            return out
        scores, indices = self.router(tokens, task)
        if isinstance(experts, ListedExperts):
            return _LISTED[self.style](tokens, scores, indices, experts)
        if self.style == "einsum_cap":
            slots = dispatch.capacity(
                tokens=tokens.shape[0], top_k=self.router.top_k, experts=len(experts), factor=self.capacity_factor
            )
            return dispatch.einsum_cap(tokens, scores, indices, experts, slots=slots)
        return _STACKED[self.style](tokens, scores, indices, experts)
