"""Mixture of experts: the choice of the best experts of a token."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel_rtl import topk

EXPERTS = Option(name="experts", default=16, least=1, most=4096, summary="words of the longest row")
CHOICES = Option(name="k", default=2, least=1, most=16, summary="experts of a token, best first")


def _topk(*, lanes: int, experts: int, k: int) -> Any:
    return topk.TopK(lanes=lanes, experts=experts, k=k)


TOPK = Block(
    name="topk",
    summary="the k best experts of every token and their logits, one word a row",
    options=(lanes(), EXPERTS, CHOICES),
    make=_topk,
)
