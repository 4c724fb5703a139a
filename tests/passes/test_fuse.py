"""What one macro-instruction does together, and what it must not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Activation,
    Add,
    Attention,
    AttentionLogits,
    Concat,
    Conv2d,
    Input,
    LayerNorm,
    Linear,
    Mean,
    ToTokens,
)
from vitaccel.ir.types import TensorType
from vitaccel.passes.fuse import Fuse, members

C = 8


class Net:
    """A Graph written value by value."""

    def __init__(self, *shape: int) -> None:
        self.graph = Graph("net")
        self.x = self.graph.add(Input(), type=TensorType(shape or (1, 5, C)), name="x")

    def const(self, *shape: int) -> str:
        return self.graph.add_const(np.ones(shape, np.float32), parameter=True)

    def linear(self, x: str) -> str:
        return self.graph.add(Linear(), [x, self.const(C, C), self.const(C)])

    def kernels(self, *outputs: str) -> list[list[str]]:
        self.graph.outputs = list(outputs)
        fused = Fuse().run(self.graph)
        roots = [n for n in fused.topological() if fused[n].kernel == n]
        return [kinds for root in roots if (kinds := [fused[n].op.name for n in members(fused, root)])]


def test_activation_and_residual_join_a_matmul() -> None:
    net = Net()
    hidden = net.graph.add(Activation(), [net.linear(net.x)])
    out = net.graph.add(Add(), [net.x, net.linear(hidden)])
    assert net.kernels(out) == [["linear", "activation"], ["linear", "add"]]


def test_a_residual_joins_behind_an_activation_but_not_before() -> None:
    net = Net()
    after = net.graph.add(Add(), [net.x, net.graph.add(Activation(), [net.linear(net.x)])])
    assert net.kernels(after) == [["linear", "activation", "add"]]
    net = Net()
    before = net.graph.add(Activation(), [net.graph.add(Add(), [net.x, net.linear(net.x)])])
    assert net.kernels(before) == [["linear", "add"], ["activation"]]


def test_two_users_keep_a_matmul_whole() -> None:
    net = Net()
    fc = net.linear(net.x)
    assert net.kernels(net.graph.add(Activation(), [fc]), net.graph.add(Activation("relu"), [fc])) == [
        ["linear"],
        ["activation"],
        ["activation"],
    ]


def test_an_output_is_not_fused_away() -> None:
    net = Net()
    fc = net.linear(net.x)
    assert net.kernels(fc, net.graph.add(Activation(), [fc])) == [["linear"], ["activation"]]


def test_only_one_of_two_summed_matmuls_takes_the_sum() -> None:
    net = Net()
    out = net.graph.add(Add(), [net.linear(net.x), net.linear(net.x)])
    assert sorted(net.kernels(out)) == [["linear"], ["linear", "add"]]


def test_a_residual_that_comes_later_cannot_be_read() -> None:
    """The sum goes to the later matmul: the earlier one would have to wait for a value made after it."""
    net = Net()
    first = net.linear(net.x)
    second = net.linear(net.graph.add(LayerNorm(), [net.x, net.const(C), net.const(C)]))
    net.graph.outputs = [net.graph.add(Add(), [first, second])]
    fused = Fuse().run(net.graph)
    total = fused.outputs[0]
    root = fused[total].kernel
    order = fused.topological()
    assert root != total
    assert all(order.index(operand) <= order.index(root) for operand in fused[total].inputs)


def test_a_broadcast_sum_is_no_residual() -> None:
    net = Net()
    out = net.graph.add(Add(), [net.linear(net.x), net.const(C)])
    assert net.kernels(out) == [["linear"], ["add"]]


def test_an_embedding_takes_class_token_and_positions() -> None:
    net = Net(1, 3, 8, 8)
    patches = net.graph.add(Conv2d(stride=(4, 4)), [net.x, net.const(C, 3, 4, 4), net.const(C)])
    tokens = net.graph.add(ToTokens(), [patches])
    joined = net.graph.add(Concat(1), [net.const(1, 1, C), tokens])
    assert net.kernels(net.graph.add(Add(), [joined, net.const(1, 5, C)])) == [["conv2d", "concat", "add"]]


def test_grouped_convolutions_and_means_take_nothing() -> None:
    net = Net(1, C, 8, 8)
    depthwise = net.graph.add(Conv2d(groups=C), [net.x, net.const(C, 1, 1, 1), net.const(C)])
    assert net.kernels(net.graph.add(Activation("relu"), [depthwise])) == [["conv2d"], ["activation"]]
    net = Net()
    pooled = net.graph.add(Mean(), [net.x])
    assert net.kernels(net.graph.add(Add(), [pooled, net.const(1, C)])) == [["mean"], ["add"]]


def test_logits_belong_to_the_attention_that_normalises_them_over_keys() -> None:
    net = Net()
    logits = net.graph.add(AttentionLogits(heads=2), [net.x, net.x])
    reused = net.graph.add(Attention("post_softmax_T"), [logits, net.x])
    primary = net.graph.add(Attention(), [logits, net.x])
    net.graph.outputs = [net.graph.add(Add(), [reused, primary])]
    fused = Fuse().run(net.graph)
    (owner,) = {fused[n].kernel for n in fused if isinstance(fused[n].op, AttentionLogits)}
    assert fused[owner].op == Attention()


def test_without_epilogues_every_op_is_its_own_kernel() -> None:
    net = Net()
    net.graph.outputs = [net.graph.add(Activation(), [net.linear(net.x)])]
    fused = Fuse(epilogues=False).run(net.graph)
    assert [fused[n].kernel == n for n in fused.topological() if fused[n].kernel] == [True, True]


@pytest.mark.parametrize("model", ["vit", "lookupvit", "m3vit", "hybrid", "vmoe"])
def test_kernels_are_connected_and_cover_the_graph(model: str, graph_of: Callable[[str], Graph]) -> None:
    fused = Fuse().run(graph_of(model))
    for name in fused.topological():
        kernel = fused[name].kernel
        if not kernel:
            assert fused[name].op.name in ("const", "input")
            continue
        assert fused[kernel].kernel == kernel
        reachable = kernel == name or any(fused[operand].kernel == kernel for operand in fused[name].inputs)
        assert reachable or isinstance(fused[name].op, AttentionLogits) or fused[fused[name].inputs[0]].kernel != kernel
