"""What the bench of stream blocks is told of one component: words and results as integers, latency, set-up."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from amaranth.lib import wiring

from vitaccel_rtl.latency import WORD_INTERVAL
from vitaccel_sim.bench.payload import pack, payload_shape
from vitaccel_sim.traffic.case import LONG_LENGTHS, Case, Traffic, lengths_of

Parameters = dict[str, Any]
"""JSON types."""


def part(
    component: wiring.Component, *, short: Case, extremes: Case, long: Case, name: str = "", setup: Any = ()
) -> Parameters:
    """Return the parameters of one part.

    Parameters
    ----------
    component
        With the streams ``i`` and ``o``, ``latency_cycles`` and ``interval_cycles``; where that is no number but
        depends on the row, the array's, whether a word is accepted every cycle is not looked at.
    short, extremes, long
        Words: those that run under every pair of profiles, those at the ends of ranges, those of long rows.
    name
        In the group; empty for a component by itself.
    setup
        Values of other inputs, a cycle each, before words are sent.
    """
    return {
        "name": name,
        "latency_cycles": component.latency_cycles,  # type: ignore[attr-defined]
        "is_pipelined": component.interval_cycles == WORD_INTERVAL,  # type: ignore[attr-defined]
        "setup": [dict(step) for step in setup],
        "short": _packed(component, short),
        "extremes": _packed(component, extremes),
        "long": _packed(component, long),
    }


def cases_of(traffic: Traffic, point: Mapping[str, int], seed: int) -> dict[str, Case]:
    """Return the words that a block is tried with at a parameter point: ``short``, ``extremes`` and ``long``."""
    rng = random.Random(f"{traffic.block} {sorted(point.items())} {seed}")
    return {
        "short": traffic.random(point, rng, lengths_of(traffic.lanes(point))),
        "extremes": traffic.directed(point),
        "long": traffic.random(point, rng, LONG_LENGTHS),
    }


def _packed(component: wiring.Component, case: Case) -> Parameters:
    sent, received = (payload_shape(getattr(component, port).signature) for port in ("i", "o"))
    return {
        "words": [pack(sent, word) for word in case.words],
        "expected": [pack(received, word) for word in case.expected],
        "first_row": case.first_row,
    }
