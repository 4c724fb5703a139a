"""Instructions of one expert on one group of tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from vitaccel.arch import Arch
from vitaccel.ir.plan import MoeKernel, Plan
from vitaccel.ir.program import Gather, Load, MatMul, Program, Route, ScatterAdd
from vitaccel.passes.emission.expert import Group, Stage

Lower = Callable[..., tuple[Plan, Program]]
Instructions = list[Gather | MatMul | ScatterAdd | Load | Route]

KERNEL = MoeKernel(label="", node="", op="", out="", x="", logits="", tokens=40, staging=tuple("abcdef"))


def test_experts_take_turns_in_the_staging_there_is() -> None:
    group = Group(2, 3, 24, 1)
    assert [Stage(KERNEL, group, e, 0).staging for e in range(3)] == [tuple("abc"), tuple("def"), tuple("abc")]
    alone = replace(KERNEL, staging=tuple("abc"))
    assert {Stage(alone, group, e, 0).staging for e in range(3)} == {tuple("abc")}


@pytest.mark.parametrize(("capacity", "rows"), [(0, 24), (7, 7), (99, 24)])
def test_an_expert_gets_at_most_the_tokens_of_the_group(capacity: int, rows: int) -> None:
    assert Stage(replace(KERNEL, capacity=capacity), Group(2, 3, 24, 1), 0, 0).max_rows == rows


@pytest.mark.parametrize("order", ["static", "longest"])
def test_instructions_say_how_many_rows_they_may_meet(order: str, lower: Lower, arch: Callable[..., Arch]) -> None:
    for size in range(8000, 2000, -250):
        plan, program = lower("m3vit", arch(activation_bytes=size, moe__order=order))
        at = next(n for n, kernel in enumerate(plan.kernels) if isinstance(kernel, MoeKernel))
        if plan.groups.get(at, 1) > 1:
            break
    mine = [i for k, i in zip(program.kernel_of, program.instructions, strict=True) if k == at]
    tokens = 0
    groups = []
    for instruction in mine:
        if isinstance(instruction, Route):
            tokens = instruction.tokens
            groups.append(tokens)
        if isinstance(instruction, MatMul):
            assert (instruction.tokens, instruction.row_blocks) == (tokens, -(-tokens // 8))
        if isinstance(instruction, Load) and instruction.buffer == "weight":
            assert (instruction.expert >= 0) == (instruction.expert_stride > 0) == (order == "longest")
    assert len(groups) > 1
    assert sum(groups) == 22
