"""Instructions of routed experts: order, staging, skipped experts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from vitaccel.arch import Arch
from vitaccel.ir.plan import MoeKernel, Plan
from vitaccel.ir.program import Gather, Load, MatMul, Program, Route, ScatterAdd, Store

Lower = Callable[..., tuple[Plan, Program]]


def of_first_moe(plan: Plan, program: Program) -> list[object]:
    at = next(n for n, kernel in enumerate(plan.kernels) if isinstance(kernel, MoeKernel))
    return [i for k, i in zip(program.kernel_of, program.instructions, strict=True) if k == at]


def cut(
    lower: Lower, arch: Callable[..., Arch], wanted: Callable[[Plan, MoeKernel], bool]
) -> tuple[Plan, Program, MoeKernel]:
    """A Plan whose first experts are as wanted, in the largest buffer in which they are."""
    for size in range(12_000, 2_000, -250):
        plan, program = lower("m3vit", arch(activation_bytes=size))
        kernel = next(kernel for kernel in plan.kernels if isinstance(kernel, MoeKernel))
        if wanted(plan, kernel):
            return plan, program, kernel
    raise AssertionError("no buffer makes experts so")


def sums_in_dram(plan: Plan, kernel: MoeKernel) -> bool:
    homes = {plan.tensors[name].home for name in (kernel.residual, kernel.out)}
    return homes == {"dram"} and len(plan.staging[plan.kernels.index(kernel), kernel.out]) == 2


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


def test_one_expert_in_flight_gathers_and_scatters_while_the_array_works(
    lower: Lower, arch: Callable[..., Arch]
) -> None:
    """The next expert is gathered behind the first matmul, the results are scattered behind the second."""
    plan, program, kernel = cut(lower, arch, lambda _, kernel: kernel.in_flight == 1)
    names = {Gather: "gather", ScatterAdd: "scatter", MatMul: "first"}
    steps = [
        ("second" if isinstance(i, MatMul) and i.k == kernel.hidden else names[type(i)], i.expert)
        for i in of_first_moe(plan, program)
        if type(i) in names
    ]
    order = list(dict.fromkeys(steps))
    assert order[:5] == [("gather", 0), ("first", 0), ("gather", 1), ("second", 0), ("scatter", 0)]
    assert order[5:8] == [("first", 1), ("gather", 2), ("second", 1)]
    assert order[-3:] == [("first", 6), ("second", 6), ("scatter", 6)]


def test_groups_follow_each_other_and_begin_with_their_own_rows(lower: Lower, arch: Callable[..., Arch]) -> None:
    plan, program, kernel = cut(lower, arch, sums_in_dram)
    mine = of_first_moe(plan, program)
    routes = [at for at, i in enumerate(mine) if isinstance(i, Route)]
    assert len(routes) > 1
    for begin, end in pairwise([*routes, len(mine)]):
        experts = [i.expert for i in mine[begin:end] if isinstance(i, ScatterAdd)]
        assert experts == list(range(7))
    loaded, stored = program.dram_map[kernel.residual], program.dram_map[kernel.out]
    rows = [i for i in mine if isinstance(i, Load | Store) and i.buffer == "activation"]
    residual = [i for i in rows if loaded[0] <= i.dram < sum(loaded)]
    results = [i for i in rows if stored[0] <= i.dram < sum(stored)]
    assert len(residual) == len(results) == len(routes)
    assert [i.address for i in residual] == [i.address for i in results]
    assert [i.dram - loaded[0] for i in residual] == [i.dram - stored[0] for i in results]


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
