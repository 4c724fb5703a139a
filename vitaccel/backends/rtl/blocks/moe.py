# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Mixture of experts: the choice of the best experts of a token, and what takes tokens to experts and back."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel_rtl import topk, transposer, weigh

EXPERTS = Option(name="experts", default=16, least=1, most=4096, summary="words of the longest row")
CHOICES = Option(name="k", default=2, least=1, most=16, summary="experts of a token, best first")

SIDE = Option(name="side", default=8, least=2, most=64, summary="P, elements of a word and words of a tile")
WIDTH = Option(name="width", default=8, least=1, most=64, summary="bits of an element")


def _topk(*, lanes: int, experts: int, k: int) -> Any:
    return topk.TopK(lanes=lanes, experts=experts, k=k)


def _transposer(*, side: int, width: int) -> Any:
    return transposer.Transposer(side=side, width=width)


def _weigh(*, lanes: int) -> Any:
    return weigh.Weigh(lanes=lanes)


TOPK = Block(
    name="topk",
    summary="the k best experts of every token and their logits, one word a row",
    options=(lanes(), EXPERTS, CHOICES),
    make=_topk,
)

TRANSPOSER = Block(
    name="transposer",
    summary="tiles of P words of P elements with words and elements exchanged, one word a cycle",
    options=(SIDE, WIDTH),
    make=_transposer,
)

WEIGH = Block(
    name="weigh",
    summary="an expert's results times their factors, gate score times multiplier, rounded once",
    options=(lanes(),),
    make=_weigh,
)
