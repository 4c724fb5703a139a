"""Kernels of routed experts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.passes.conftest import front
from tests.passes.networks import Net
from vitaccel.arch import Arch
from vitaccel.ir.ops import Add, Moe
from vitaccel.ir.plan import CHANNEL, MoeKernel, Plan
from vitaccel.passes.tile import Tile

ArchOf = Callable[..., Arch]


def experts(residual: bool, frames: int, arch: Arch, **attributes: Any) -> tuple[Plan, MoeKernel]:
    net = Net(frames, 9, 8)
    stream = net.norm(net.x)
    x = net.norm(stream)
    weights = net.const(4, 8, 5), net.const(4, 5), net.const(4, 5, 8), net.const(4, 8)
    moe = net.op(Moe(experts=4, k=2, **attributes), x, net.linear(x, 4), *weights)
    plan = Tile(arch=arch).run(front(net.done(net.op(Add(), stream, moe) if residual else moe)))
    (kernel,) = [k for k in plan.kernels if isinstance(k, MoeKernel)]
    return plan, kernel


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(("attributes", "rows"), [({}, 9), ({"capacity": 5, "order": "choice"}, 5)])
def test_staging_holds_the_longest_queue_for_two_experts(
    frames: int, attributes: dict[str, Any], rows: int, arch: ArchOf
) -> None:
    plan, kernel = experts(False, frames, arch(), **attributes)
    rows = rows if attributes else rows * frames
    assert len(kernel.staging) == 6
    shapes = [(plan.tensors[s].tokens, plan.tensors[s].channels, plan.tensors[s].element_bytes) for s in kernel.staging]
    assert shapes == [(rows, 8, 1), (rows, 5, 1), (rows, 8, 2)] * 2
    assert kernel.max_rows == rows
    assert kernel.macs == min(9 * frames * 2, 4 * (kernel.capacity or 99)) * 2 * 8 * 5


def test_tokens_are_gathered_from_channel_lanes_and_logits_are_wide(arch: ArchOf) -> None:
    plan, kernel = experts(False, 1, arch())
    assert (plan.tensors[kernel.x].layout, plan.tensors[kernel.x].element_bytes) == (CHANNEL, 1)
    assert plan.tensors[kernel.logits].element_bytes == 2
    assert plan.tensors[kernel.out].element_bytes == 2


def test_experts_take_their_residual(arch: ArchOf) -> None:
    plan, kernel = experts(True, 1, arch())
    assert kernel.residual
    assert kernel.out in plan.outputs
    assert experts(False, 1, arch())[1].residual == ""
