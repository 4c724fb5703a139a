"""What gives way first when the activation buffer is full."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.passes.conftest import machine_with
from vitaccel.errors import CapacityError
from vitaccel.ir.plan import LaneKernel, MoeKernel, Plan, Tensor
from vitaccel.passes.lifetimes import lifetimes, words_at
from vitaccel.passes.relief import relieve

COMMON = {"node": "n", "op": "moe", "tokens": 40}


def plan(*, residual: str = "s", capacity: int = 0) -> Plan:
    """``s`` crosses the experts ``y``; they stage two experts' rows of 40 tokens."""
    made = Plan("p", machine_with())
    staging = ("g0", "h0", "e0", "g1", "h1", "e1")
    for name in ("s", "x", "l", *staging, "y", "z"):
        made.tensors[name] = Tensor(name=name, frames=1, tokens=40, channels=8, element_bytes=1)
    made.kernels = [
        LaneKernel(label="s", out="s", function="f", operands=(), **COMMON),
        LaneKernel(label="x", out="x", function="f", operands=(), **COMMON),
        LaneKernel(label="l", out="l", function="f", operands=("x",), **COMMON),
        MoeKernel(
            label="y", out="y", x="x", logits="l", residual=residual, experts=2, hidden=8, width_in=8, width_out=8,
            capacity=capacity, staging=staging, **COMMON,
        ),
        LaneKernel(label="z", out="z", function="f", operands=("y", "s"), **COMMON),
    ]  # fmt: skip
    return made


def relieved(made: Plan, capacity: int) -> list[tuple[int, int, set[str]]]:
    """Groups, experts in flight and tensors in DRAM after every step, until the experts fit."""
    steps = []
    while words_at(items := lifetimes(made)[0], 3) > capacity:
        failed = next(item for item in items if item.tensor == "g0")
        relieve(made, items, failed, capacity)
        kernel = made.kernels[3]
        assert isinstance(kernel, MoeKernel)
        steps.append(
            (made.groups.get(3, 1), kernel.in_flight, {n for n, t in made.tensors.items() if t.home == "dram"})
        )
    return steps


WORDS = 40
"""Of each tensor."""


def test_what_is_idle_is_spilled_when_that_is_enough() -> None:
    assert relieved(plan(residual=""), 9 * WORDS) == [(1, 2, {"s"})]


def test_a_layer_that_cannot_fit_whole_is_cut_before_anything_idle_moves() -> None:
    assert relieved(plan(residual=""), 7 * WORDS) == [(1, 1, set())]
    made = plan(residual="")
    (step,) = relieved(made, 5 * WORDS)
    assert step[:2] == (2, 1)
    assert words_at(lifetimes(made)[0], 3) <= 5 * WORDS


def test_a_refusal_names_the_layer_and_what_it_takes() -> None:
    with pytest.raises(CapacityError, match=r"^y \(moe\) needs at most \d+ bytes of activation buffer at once"):
        relieved(plan(), 20)
    with pytest.raises(CapacityError, match="y"):
        relieved(plan(capacity=30), 4 * WORDS)


def test_every_step_takes_fewer_words() -> None:
    made = plan()
    made.tensors["s"] = replace(made.tensors["s"], channels=80)
    for capacity in (600, 400, 250, 120):
        before = words_at(lifetimes(made)[0], 3)
        for _ in relieved(made, capacity):
            assert words_at(lifetimes(made)[0], 3) < before
