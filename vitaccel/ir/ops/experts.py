"""Mixture of experts."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from vitaccel.ir.ops.base import Op, need
from vitaccel.ir.types import TensorType

SCORES = ("softmax_all", "softmax_topk", "renorm")


@dataclass(frozen=True)
class Moe(Op):
    """Top-k routed experts. Operands: x[..., D], router logits[..., E], w1[E, D, h], b1[E, h], w2[E, h, D2], b2[E, D2].

    The value of a token is ``sum_j score_j * (act(x @ w1_e + b1_e) @ w2_e + b2_e)`` over its k choices ``e = e_j``,
    best first; ties go to the lower expert. ``score``: ``softmax_all`` raw probabilities over all experts;
    ``softmax_topk`` softmax over the chosen logits; ``renorm`` raw probabilities divided by their sum over the chosen
    (the same function, kept apart because it is computed differently). ``capacity`` > 0 bounds the tokens of an expert:
    it takes the first ``capacity`` assignments in ``order``, which is ``token`` (a token's choices together, tokens in
    order) or ``choice`` (all first choices in token order before any second). Tokens are counted over all leading
    dimensions together, row by row: a batch is one group. A dropped choice adds nothing, and the scores of the others
    stay as they were.
    """

    name: ClassVar[str] = "moe"
    experts: int = 1
    k: int = 1
    score: str = "softmax_all"
    activation: str = "gelu"
    capacity: int = 0
    order: str = ""

    def infer(self, *operands: TensorType) -> TensorType:
        x, logits, w1, b1, w2, b2 = operands
        need(self.score in SCORES, f"moe score must be one of {', '.join(SCORES)}, not {self.score!r}")
        need(1 <= self.k <= self.experts, f"moe k must be 1 to {self.experts}, not {self.k}")
        need(
            logits.shape == (*x.shape[:-1], self.experts),
            f"moe router logits {logits} must rate {self.experts} experts",
        )
        first_fit = w1.rank == 3 and w1.shape[:2] == (self.experts, x.shape[-1])
        need(first_fit, f"moe first weights {w1} must fit {x}")
        second_fit = w2.rank == 3 and w2.shape[:2] == (self.experts, w1.shape[2])
        need(second_fit, f"moe second weights {w2} must fit {w1}")
        need(b1.shape == (self.experts, w1.shape[2]), f"moe first biases {b1} must fit {w1}")
        need(b2.shape == (self.experts, w2.shape[2]), f"moe second biases {b2} must fit {w2}")
        need(bool(self.capacity) == bool(self.order), "a moe capacity must come with a drop order")
        return TensorType((*x.shape[:-1], w2.shape[2]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        rows = prod(operands[0].static_shape[:-1]) * self.k
        if self.capacity:
            rows = min(rows, self.experts * self.capacity)
        return rows * self._macs_per_row(operands)

    def macs_dense(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return prod(operands[0].static_shape[:-1]) * self.experts * self._macs_per_row(operands)

    def _macs_per_row(self, operands: tuple[TensorType, ...]) -> int:
        return prod(operands[2].static_shape[1:]) + prod(operands[4].static_shape[1:])
