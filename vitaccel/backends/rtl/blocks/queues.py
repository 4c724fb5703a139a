# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Queues of experts, and the router that fills them."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel.backends.rtl.blocks.softmax import FRACTION_BITS, powers_of, reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel_rtl import expert_router, queues

MOST = 1 << 14

SIZES = (
    lanes(),
    Option(name="row_blocks", default=256, least=1, most=MOST, summary="of a job at most"),
    Option(name="tokens", default=256, least=1, most=MOST, summary="of a job at most, P times row_blocks or fewer"),
    Option(name="experts", default=16, least=1, most=256, summary="queues"),
    Option(name="k", default=2, least=1, most=16, summary="choices of a token at most"),
)


def _queues(**sizes: int) -> Any:
    return queues.ExpertQueues(**sizes)


def _router(*, fraction_bits: int, **sizes: int) -> Any:
    return expert_router.ExpertRouter(**sizes, **powers_of(fraction_bits), reciprocal=reciprocal_of(Reciprocal()))


EXPERT_QUEUES = Block(
    name="expert-queues",
    summary="which tokens go to which expert with what scores, and the experts by the lengths of their queues",
    options=SIZES,
    make=_queues,
)

EXPERT_ROUTER = Block(
    name="expert-router",
    summary="logits of tokens into queues of experts: top-k, gate scores, queues",
    options=(*SIZES, FRACTION_BITS),
    make=_router,
)
