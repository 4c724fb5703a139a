"""Instructions of routed experts: order, staging, skipped experts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from vitaccel.arch import Arch
from vitaccel.ir.plan import MoeKernel, Plan
from vitaccel.ir.program import Gather, Load, MatMul, Program, Route, ScatterAdd

Lower = Callable[..., tuple[Plan, Program]]


def of_first_moe(plan: Plan, program: Program) -> list[object]:
    at = next(n for n, kernel in enumerate(plan.kernels) if isinstance(kernel, MoeKernel))
    return [i for k, i in zip(program.kernel_of, program.instructions, strict=True) if k == at]


@pytest.mark.parametrize("pe", ["64", "3x8x8"])
def test_every_expert_is_gathered_run_and_scattered_once_in_order(
    pe: str, lower: Lower, arch: Callable[..., Arch]
) -> None:
    mine = of_first_moe(*lower("m3vit", arch(pe)))
    assert sum(isinstance(i, Route) for i in mine) == 1
    assert [i.expert for i in mine if isinstance(i, Gather)] == list(range(7))
    assert [i.expert for i in mine if isinstance(i, ScatterAdd)] == list(range(7))
    useful = {e: sum(i.k * i.n for i in mine if isinstance(i, MatMul) and i.expert == e) for e in range(7)}
    assert set(useful.values()) == {2 * 18 * 13}


def test_the_array_has_the_next_expert_before_it_needs_its_own_hidden_rows(
    lower: Lower, arch: Callable[..., Arch]
) -> None:
    mine = [i for i in of_first_moe(*lower("m3vit", arch())) if isinstance(i, MatMul)]
    order = [(i.expert, i.k == 13) for i in mine]
    steps = list(dict.fromkeys(order))
    assert steps[:4] == [(0, False), (1, False), (0, True), (2, False)]
    assert steps[-1] == (6, True)


def test_static_order_loads_before_the_routing_is_known(lower: Lower, arch: Callable[..., Arch]) -> None:
    loads = [i for i in of_first_moe(*lower("m3vit", arch())) if isinstance(i, Load) and i.buffer == "weight"]
    assert {i.expert for i in loads} == {-1}
    assert all(i.waits[2] == 0 for i in loads)


def test_longest_first_loads_behind_the_routing_and_skips_the_empty(lower: Lower, arch: Callable[..., Arch]) -> None:
    plan, program = lower("m3vit", arch(moe__order="longest"))
    mine = of_first_moe(plan, program)
    route = program.instructions.index(next(i for i in mine if isinstance(i, Route)))
    count = sum(i.engine == 2 for i in program.instructions[: route + 1])
    loads = [i for i in mine if isinstance(i, Load) and i.buffer == "weight"]
    assert {i.expert for i in loads} == set(range(7))
    assert all(i.waits[2] >= count for i in loads)


def test_sums_of_experts_wait_for_each_other(lower: Lower, arch: Callable[..., Arch]) -> None:
    plan, program = lower("m3vit", arch())
    vector = [i for i in program.instructions if i.engine == 2]
    first = of_first_moe(plan, program)
    scatters = [vector.index(i) + 1 for i in first if isinstance(i, ScatterAdd)]
    for before, after in pairwise(scatters):
        assert vector[after - 1].waits[2] >= before
