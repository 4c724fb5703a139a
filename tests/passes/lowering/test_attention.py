"""Kernels of attention and of what reuses its logits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.conftest import front
from tests.passes.networks import Net
from vitaccel.arch import Arch
from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Attention, AttentionLogits
from vitaccel.ir.plan import CHANNEL, TOKEN, AttentionKernel, LaneKernel, MatMulKernel
from vitaccel.passes.tile import Tile

ArchOf = Callable[..., Arch]
Prepared = Callable[[str], Graph]


def cross(reuse: str, *, keep: bool = True) -> Graph:
    """9 queries to 20 keys in 2 heads, and the logits again for values of the queries."""
    net = Net(1, 20, 8)
    x = net.norm(net.x)
    m = net.norm(net.graph.add(net.graph["x"].op, type=type(net.graph["x"].type)((1, 9, 8)), name="m"))
    logits = net.op(AttentionLogits(heads=2), net.linear(m, 8), net.linear(x, 8))
    outputs = [net.linear(net.op(Attention(), logits, net.linear(x, 8)), 8)] if keep else []
    again = net.op(Attention(reuse=reuse), logits, net.linear(m, 8))
    return net.done(*outputs, net.linear(again, 8))


@pytest.mark.parametrize("reuse", ["post_softmax_T", "pre_softmax_T"])
@pytest.mark.parametrize(("pe", "channels"), [("64", 2 * 9), ("3x8x8", 3 * 2 * 8)])
def test_a_reuse_reads_kept_logits(reuse: str, pe: str, channels: int, arch: ArchOf) -> None:
    plan = Tile(arch=arch(pe)).run(front(cross(reuse)))
    first, second = (k for k in plan.kernels if isinstance(k, AttentionKernel))
    assert first.logits == second.logits
    kept = plan.tensors[first.logits]
    assert (kept.tokens, kept.channels, kept.element_bytes, kept.layout) == (20, channels, 2, TOKEN)
    assert (first.mode, second.mode) == ("none", reuse)
    assert (second.q, second.k) == ("", "")
    assert (first.queries, first.keys) == (second.queries, second.keys) == (9, 20)
    assert (first.macs, second.macs) == (2 * 9 * 20 * 8, 9 * 20 * 8)
    assert plan.tensors[first.out].tokens == 9
    assert plan.tensors[second.out].tokens == 20
    assert all(plan.tensors[k.v].layout == CHANNEL for k in (first, second))


def test_a_head_mean_is_a_lane_pass_and_a_matmul(arch: ArchOf) -> None:
    plan = Tile(arch=arch()).run(front(cross("head_mean_T")))
    at = next(n for n, k in enumerate(plan.kernels) if k.op == "head_mean")
    mean, matmul = plan.kernels[at], plan.kernels[at + 2 if plan.kernels[at + 1].op == "convert" else at + 1]
    assert isinstance(mean, LaneKernel)
    assert isinstance(matmul, MatMulKernel)
    assert (mean.tokens, mean.channels) == (20, 2 * 9)
    assert (matmul.tokens, matmul.k, matmul.n) == (20, 9, 8)
    assert matmul.macs == 20 * 9 * 8
    assert matmul.a == mean.out


def test_logits_that_nobody_reuses_are_not_kept(prepared: Prepared, arch: ArchOf) -> None:
    plan = Tile(arch=arch()).run(prepared("vit"))
    assert {k.logits for k in plan.kernels if isinstance(k, AttentionKernel)} == {""}


def test_a_reuse_without_a_first_use_is_refused(arch: ArchOf) -> None:
    with pytest.raises(UnsupportedError, match="reused attention must follow an attention with the same logits"):
        Tile(arch=arch()).run(front(cross("post_softmax_T", keep=False)))


def test_values_of_their_own_width(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    x = net.norm(net.x)
    logits = net.op(AttentionLogits(heads=2), net.linear(x, 8), net.linear(x, 8))
    plan = Tile(arch=arch()).run(front(net.done(net.linear(net.op(Attention(), logits, net.linear(x, 20)), 8))))
    (kernel,) = [k for k in plan.kernels if isinstance(k, AttentionKernel)]
    assert (kernel.head_dim, kernel.value_dim) == (4, 10)
    assert plan.tensors[kernel.v].channels == 2 * 16
    assert plan.tensors[kernel.out].channels == 20
