"""The proofs of order: of queues and pipelines, of the arbiter, and of the router."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amaranth.lib import data

from vitaccel_rtl.arbiter import Arbiter
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.router import Router
from vitaccel_rtl.stream import SkidBuffer, lane_word
from vitaccel_sim.formal.arbitration import Arbitration
from vitaccel_sim.formal.credit import CreditOrder
from vitaccel_sim.formal.order import Delay, InOrder, delay_contents, fifo_contents, skid_contents
from vitaccel_sim.formal.proof import Proof
from vitaccel_sim.formal.routing import Routing

ORDER = "order, no loss"

ROUTED = data.StructLayout({"destination": 2, "value": 6})
"""A word that may name one of three outputs, or none."""


def orders() -> Iterator[Proof]:
    """Return the proofs of order."""
    yield from _queues()
    yield from _arbiters()
    for depth in (2, 3, 5):
        yield Proof(
            family=ORDER,
            block="CreditQueue",
            size=f"8 bits, depth {depth}",
            make=lambda depth=depth: CreditOrder(CreditQueue(8, depth=depth), depth=depth),  # type: ignore[misc]
            depth=2,
            cover_depth=2 * depth + 5,
            is_long=depth != 3,
        )
    yield Proof(
        family=ORDER,
        block="Router",
        size="8 bits, 3 outputs",
        make=lambda: Routing(Router(ROUTED, destinations=3)),
        depth=2,
        cover_depth=8,
        is_long=True,
    )


def _arbiters() -> Iterator[Proof]:
    """Order, one source at a time, rows kept together, and nobody passed more often than there are others."""
    for policy, keeps, sources in (
        ("round-robin", False, 3),
        ("round-robin", False, 5),
        ("round-robin", True, 3),
        ("round-robin", True, 4),
        ("fixed", False, 3),
        ("fixed", True, 3),
    ):
        rule: dict[str, Any] = {"policy": policy, "keep_until_last": keeps}
        yield Proof(
            family=ORDER,
            block="Arbiter",
            size=f"{sources} sources, {policy}, by {'rows' if keeps else 'words'}",
            make=lambda sources=sources, rule=rule: Arbitration(  # type: ignore[misc]
                Arbiter(lane_word(1, 4), sources=sources, **rule), **rule
            ),
            depth=3,
            cover_depth=2 * sources + 4,
            is_long=(policy, keeps, sources) != ("round-robin", True, 3),
        )


def _queues() -> Iterator[Proof]:
    yield Proof(
        family=ORDER,
        block="SkidBuffer",
        size="8 bits",
        make=lambda: InOrder(SkidBuffer(8), skid_contents),
        depth=2,
        cover_depth=6,
    )
    for depth in (3, 4, 6):
        yield Proof(
            family=ORDER,
            block="StreamFifo",
            size=f"8 bits, depth {depth}",
            make=lambda depth=depth: InOrder(StreamFifo(8, depth=depth), fifo_contents(depth)),  # type: ignore[misc]
            depth=3,
            cover_depth=depth + 5,
            is_long=depth != 4,
        )
    for stages in (1, 3, 7):
        yield Proof(
            family=ORDER,
            block="Pipeline",
            size=f"8 bits, {stages} stages",
            make=lambda stages=stages: InOrder(  # type: ignore[misc]
                Delay(width=8, latency_cycles=stages), delay_contents(stages)
            ),
            depth=stages + 1,
            cover_depth=2 * stages + 5,
            is_long=stages != 3,
        )
