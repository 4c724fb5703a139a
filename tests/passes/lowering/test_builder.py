"""Forms of values: written as their users want, converted where one wants another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.conftest import front
from tests.passes.networks import Net
from vitaccel.arch import Arch
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Attention, AttentionLogits, Mean, Slice
from vitaccel.ir.plan import CHANNEL, TOKEN, Plan
from vitaccel.passes.tile import Tile

ArchOf = Callable[..., Arch]


def plan_of(graph: Graph, arch: Arch) -> Plan:
    return Tile(arch=arch).run(front(graph))


def forms(plan: Plan, op: str) -> list[tuple[int, str]]:
    tensors = [plan.tensors[kernel.out] for kernel in plan.kernels if kernel.op == op]
    return [(t.element_bytes, t.layout) for t in tensors]


def test_a_matmul_writes_what_the_next_one_reads(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    plan = plan_of(net.done(net.linear(net.linear(net.norm(net.x), 8), 8)), arch())
    assert forms(plan, "linear") == [(1, TOKEN), (2, TOKEN)]
    assert not forms(plan, "convert")


def test_tokens_that_are_contracted_are_written_channel_lane(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    plan = plan_of(net.done(net.linear(net.op(Mean(), net.norm(net.x)), 4)), arch())
    assert forms(plan, "layernorm") == [(1, CHANNEL)]
    assert forms(plan, "linear") == [(2, CHANNEL)]  # a lone row of scores


def test_a_second_form_is_converted_once(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    x = net.norm(net.x)
    first, second = net.linear(x, 8), net.linear(x, 8)
    pooled = net.op(Mean(), x)
    graph = net.done(net.op(Add(), x, first), second, pooled)
    plan = plan_of(graph, arch())
    assert forms(plan, "layernorm") == [(2, TOKEN)]
    assert forms(plan, "convert") == [(1, TOKEN), (1, CHANNEL)]


def attention(net: Net, x: str, heads: int, width: int) -> str:
    q, k, v = (net.linear(x, width) for _ in range(3))
    return net.op(Attention(), net.op(AttentionLogits(heads=heads), q, k), v)


@pytest.mark.parametrize(
    ("pe", "width", "expected"),
    [
        ("64", 24, [24, 24, 24]),  # 3 heads of 8: whole tiles
        ("64", 18, [18, 18, 24]),  # values of 6 channels are padded to 8
        ("3x8x8", 18, [24, 24, 24]),  # so are queries and keys when every array takes a head
        ("4x4", 30, [30, 30, 36]),
    ],
)
def test_heads_are_padded_to_whole_tiles(pe: str, width: int, expected: list[int], arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    plan = plan_of(net.done(net.linear(attention(net, net.norm(net.x), 3, width), 8)), arch(pe))
    (kernel,) = [k for k in plan.kernels if k.op == "attention"]
    assert [plan.tensors[name].channels for name in kernel.reads] == expected
    assert plan.tensors[kernel.out].channels == (24 if pe == "3x8x8" else width)


def test_a_constant_table_serves_all_frames(arch: ArchOf) -> None:
    net = Net(3, 9, 8)
    plan = plan_of(net.done(net.op(Add(), net.norm(net.x), net.const(9, 8))), arch())
    (table,) = [t for t in plan.tensors.values() if t.kind == "constant"]
    assert (table.frames, table.tokens, table.channels) == (1, 9, 8)


def test_a_slice_of_the_first_token_reads_where_it_stands_and_another_is_copied(arch: ArchOf) -> None:
    net = Net(1, 20, 8)
    x = net.norm(net.x)
    heads = [net.linear(net.op(Slice(1, at, at + 1), x), 4) for at in (0, 9)]
    plan = plan_of(net.done(*heads), arch())
    first, second = (k for k in plan.kernels if k.op == "linear")
    (copy,) = [k for k in plan.kernels if k.op == "slice"]
    assert plan.tensors[first.reads[0]].tokens == 20
    assert second.reads[0].startswith(copy.out) or second.reads[0] == copy.out
    assert copy.window is not None
    assert copy.window.span(0, 1) == (9, 1)
