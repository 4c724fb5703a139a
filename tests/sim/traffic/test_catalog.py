"""Every stream block has traffic, which meets its bins; the gateware is equal at every point, at its latency.

That has three sources: what the component declares, what its gateware takes, and the formula of `vitaccel_rtl.latency`,
which is what the cost model reads.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from amaranth.hdl import Shape

from tests.rtl.stream_bench import Run, run
from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel.ir.plan import has_lines
from vitaccel_rtl import latency
from vitaccel_sim.bench.part import part
from vitaccel_sim.bench.payload import pack, payload_shape
from vitaccel_sim.bench.scoreboard import Scoreboard
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.traffic.case import LONG_LENGTHS, Case, Traffic, lengths_of
from vitaccel_sim.traffic.catalog import TRAFFIC
from vitaccel_sim.traffic.values import MOST_WORDS

POINTS = [
    pytest.param(traffic, point, id=f"{name}-{'-'.join(map(str, point.values()))}")
    for name, traffic in TRAFFIC.items()
    for point in traffic.points
]

FORMULAS: Mapping[str, Callable[[Mapping[str, int]], int]] = {
    "skid-buffer": lambda _: latency.SKID_BUFFER,
    "fifo": lambda _: latency.STREAM_FIFO,
    "array": lambda _: latency.ARRAY,
    "exp2": lambda point: latency.exp2(**_powers(point)),
    "softmax-statistics": lambda point: latency.softmax_statistics(**_powers(point)),
    "softmax-numerators": lambda point: latency.softmax_numerators(**_powers(point), bits=point["bits"]),
    "softmax": lambda point: latency.softmax_rows(**_powers(point), bits=point["bits"]),
    "reciprocal": lambda _: latency.RECIPROCAL,
    "row-factor": lambda _: latency.ROW_FACTOR,
    "probability": lambda point: latency.probability(**_powers(point)),
    "requantize": lambda _: latency.REQUANTIZE,
    "activation": lambda _: latency.ACTIVATION,
    "gelu": lambda _: latency.GELU,
    "residual": lambda _: latency.RESIDUAL,
    "rsqrt": lambda _: latency.RSQRT,
    "layernorm-moments": lambda _: latency.LAYERNORM_MOMENTS,
    "layernorm-row-scale": lambda _: latency.LAYERNORM_ROW_SCALE,
    "layernorm-normalize": lambda _: latency.LAYERNORM_NORMALIZE,
    "topk": lambda _: latency.TOPK,
    "transposer": lambda _: latency.TRANSPOSER,
    "weigh": lambda _: latency.WEIGH,
}
"""What the cost model reads, by block."""


def _powers(point: Mapping[str, int]) -> dict[str, bool]:
    return {"has_lines": has_lines(point["fraction_bits"])}


def short_case(traffic: Traffic, point: Mapping[str, int], seed: int) -> Case:
    """Return the directed words, then random rows of the lengths that depend on P."""
    lengths = lengths_of(traffic.lanes(point))
    return traffic.directed(point) + traffic.random(point, random.Random(seed), lengths)


def run_case(component: Any, traffic: Traffic, point: Mapping[str, int], case: Case) -> Run:
    """Return what the component makes of the case at full speed, after the traffic's setup."""

    async def setup(ctx: Any) -> None:
        named = {name for ports in traffic.setup(point) for name in ports}
        for ports in (*traffic.setup(point), {}):
            for name in named:
                ctx.set(getattr(component, name), ports.get(name, 0))
            await ctx.tick()

    return run(component, case.words, len(case.expected), setup=setup, patience=4200)


def test_every_block_has_traffic_unless_it_has_a_bench_of_its_own() -> None:
    assert list(TRAFFIC) == list(FORMULAS) == [name for name in BLOCKS if name not in BENCHES]


@pytest.mark.parametrize(("traffic", "point"), POINTS)
def test_the_gateware_is_equal_at_its_declared_latency(traffic: Traffic, point: Mapping[str, int], seed: int) -> None:
    component = block(traffic.block).component(**point)
    case = short_case(traffic, point, seed)
    result = run_case(component, traffic, point, case)
    assert result.words == list(case.expected)
    measured = result.offered[0] - result.accepted[case.first_row - 1]
    assert measured == component.latency_cycles == FORMULAS[traffic.block](point)


@pytest.mark.parametrize("name", TRAFFIC)
def test_long_rows_are_equal_too(name: str, seed: int) -> None:
    traffic = TRAFFIC[name]
    point = traffic.points[0]
    case = traffic.random(point, random.Random(seed), LONG_LENGTHS)
    assert run_case(block(name).component(**point), traffic, point, case).words == list(case.expected)


@pytest.mark.parametrize("name", TRAFFIC)
def test_every_declared_bin_is_met_and_no_other(name: str, seed: int) -> None:
    """The directed words alone meet them all, so no seed leaves one out."""
    traffic = TRAFFIC[name]
    directed: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    for point in traffic.points:
        directed += traffic.directed(point).hits
        lengths = (*lengths_of(traffic.lanes(point)), *LONG_LENGTHS)
        drawn += traffic.random(point, random.Random(seed), lengths).hits
    assert set(directed) == set(traffic.bins)
    assert set(drawn) <= set(traffic.bins)


@pytest.mark.parametrize(("traffic", "point"), POINTS)
def test_directed_words_are_few_and_the_same_every_time(traffic: Traffic, point: Mapping[str, int]) -> None:
    case = traffic.directed(point)
    assert case == traffic.directed(point)
    longest_row = point["keys"] if traffic.block == "softmax" else 0
    assert len(case.words) <= MOST_WORDS + longest_row


@pytest.mark.parametrize("name", TRAFFIC)
def test_points_take_every_option_to_two_values_or_more(name: str) -> None:
    points = TRAFFIC[name].points
    for option in block(name).options:
        chosen = {point[option.name] for point in points}
        assert len(chosen) >= 2, option.name


@pytest.mark.parametrize("name", TRAFFIC)
def test_one_bit_of_an_expected_word_is_found(name: str, seed: int) -> None:
    """Every bench puts words into a scoreboard of what `part` packs; here one bit of one of them is turned over."""
    rng = random.Random(seed)
    traffic = TRAFFIC[name]
    point = traffic.points[0]
    case = traffic.directed(point)
    component = block(name).component(**point)
    layout = payload_shape(component.o.signature)
    words = [pack(layout, word) for word in run_case(component, traffic, point, case).words]
    told = part(component, short=case, extremes=case, long=case)["extremes"]["expected"]
    compare(words, told)
    place = rng.randrange(len(told))
    told[place] ^= 1 << rng.randrange(Shape.cast(layout).width)
    with pytest.raises(AssertionError, match=f"^word {place} of {len(told)} must be 0x"):
        compare(words, told)


def compare(words: list[int], expected: list[int]) -> None:
    board = Scoreboard(expected)
    for word in words:
        board.put(word)
    assert board.is_complete
